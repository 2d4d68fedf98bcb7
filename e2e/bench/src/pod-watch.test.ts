import { aCondition, aPod } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { progressOf } from './pod-watch.ts';

test('reports the number of Pods, and what some of the unfinished Pods lack', () => {
  const pods = Array.from({ length: 8 }, (_, at) =>
    aPod({
      metadata: { name: `web-${at}` },
      status: { phase: 'Running', conditions: [aCondition('Ready', at === 0)] },
    }),
  );
  const text = progressOf(pods, { pods: 10, each: ({ metadata }) => metadata.name === 'web-0' });
  expect(text.split('\n')).toEqual([
    '8 of 10 Pods, 7 of them not as they should be',
    expect.stringMatching(/^ {2}web-1, Running, Ready=False/),
    expect.stringContaining('web-2'),
    expect.stringContaining('web-3'),
    expect.stringContaining('web-4'),
    expect.stringContaining('web-5'),
    '  and 2 more',
  ]);
});
