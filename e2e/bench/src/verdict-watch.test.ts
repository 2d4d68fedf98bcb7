import { stageLabel } from '@kuperator/api';
import { aPod, aPodTransitionRule } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { OPERATION, undecidedOf } from './verdict-watch.ts';

const waiting = (name: string, since: string) =>
  aPod({
    metadata: {
      name,
      uid: name,
      labels: { [stageLabel('operating', OPERATION.id)]: since, [stageLabel('pre-check', OPERATION.id)]: since },
    },
  });
const verdict = (uid: string, since: string) => ({
  name: uid,
  uid,
  stage: 'PreCheck',
  passed: false,
  operations: [{ id: OPERATION.id, since }],
});
const rule = aPodTransitionRule({
  metadata: { generation: 2 },
  status: { observedGeneration: 2, details: [verdict('a', '1'), verdict('b', '1')] },
});

test('a Pod is decided if there is a verdict on this run of its operation', () => {
  const pods = [waiting('a', '1'), waiting('b', '2'), waiting('c', '1')];
  expect(undecidedOf(pods, rule, 2).map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
});

test('a verdict on an older spec does not count', () => {
  expect(undecidedOf([waiting('a', '1')], rule, 3)).toHaveLength(1);
});
