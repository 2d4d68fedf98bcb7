import { expect, test } from 'vitest';
import { kwokConfiguration, podStages } from './kwok-stages.ts';

type Document = {
  kind: string;
  metadata?: { name: string };
  spec?: { delay?: { durationFrom: { expressionFrom: string } } };
};

const documents = (text: string) => text.split('\n---\n').map((document) => JSON.parse(document) as Document);
const delayOf = (stages: readonly object[], name: string) =>
  (stages as readonly Document[]).find(({ metadata }) => metadata?.name === name)?.spec?.delay?.durationFrom
    .expressionFrom;

test('the configuration contains the options and a Stage for everything that is simulated', () => {
  const all = documents(kwokConfiguration({ imageChangeDelayMs: 0, terminationDelay: 0 }));
  expect(all.map(({ kind, metadata }) => metadata?.name ?? kind)).toEqual([
    'KwokConfiguration',
    'node-initialize',
    'node-heartbeat',
    'pod-sync',
    'pod-restart',
    'pod-end',
    'claim-provision',
    'claim-expand',
    'volume-delete',
  ]);
});

test('a changed image takes the configured time, unless the Pod overrides it', () => {
  const stages = podStages({ imageChangeDelayMs: 1500, terminationDelay: 0 });
  expect(delayOf(stages, 'pod-restart')).toBe(
    '(.metadata.annotations["kwok.kuperator.io/image-change-delay"] // "1500ms")',
  );
});

test.each([
  { terminationDelay: 0, expected: '"0ms"' },
  { terminationDelay: 700, expected: '"700ms"' },
  { terminationDelay: 'grace-period' as const, expected: '"grace-period"' },
])('a deleted Pod ends after $expected, unless the Pod overrides it', ({ terminationDelay, expected }) => {
  const stages = podStages({ imageChangeDelayMs: 0, terminationDelay });
  expect(delayOf(stages, 'pod-end')).toContain(`annotations["kwok.kuperator.io/termination-delay"] // ${expected})`);
});
