import { describe, expect, test } from 'vitest';
import type { CollaSet, CollaSetSpec } from './collaset.ts';
import {
  contextNameOf,
  historyLimitOf,
  namingPolicyOf,
  operationDelaySecondsOf,
  partitionOf,
  replicasOf,
  retainsClaims,
  updatePolicyOf,
  updatesByLabel,
} from './collaset-defaults.ts';

const aSet = (spec: Partial<CollaSetSpec> = {}): CollaSet => ({
  metadata: { name: 'web' },
  spec: { selector: {}, template: { spec: { containers: [] } }, ...spec },
});

describe('a set without settings', () => {
  test('has one replica', () => expect(replicasOf(aSet())).toBe(1));
  test('keeps no Pod at the old revision', () => expect(partitionOf(aSet())).toBe(0));
  test('does not update by label', () => expect(updatesByLabel(aSet())).toBe(false));
  test('updates in place if possible', () => expect(updatePolicyOf(aSet())).toBe('InPlaceIfPossible'));
  test('names Pods at random', () => expect(namingPolicyOf(aSet())).toBe('Random'));
  test('keeps 20 revisions', () => expect(historyLimitOf(aSet())).toBe(20));
  test('has its own pool of ids', () => expect(contextNameOf(aSet())).toBe('web'));
  test('has no operation delay', () => expect(operationDelaySecondsOf(aSet(), 'update')).toBe(0));
  test('keeps no claims', () => expect(retainsClaims(aSet(), 'whenDeleted')).toBe(false));
});

describe('a set with empty strings', () => {
  const set = aSet({
    updateStrategy: { podUpgradePolicy: '' },
    namingStrategy: { podNamingSuffixPolicy: '' },
    scaleStrategy: { context: '', persistentVolumeClaimRetentionPolicy: { whenScaled: '' } },
  });
  test('has the defaults', () => {
    expect([updatePolicyOf(set), namingPolicyOf(set), contextNameOf(set), retainsClaims(set, 'whenScaled')]).toEqual([
      'InPlaceIfPossible',
      'Random',
      'web',
      false,
    ]);
  });
});

test('a negative history limit keeps no revision', () => {
  expect(historyLimitOf(aSet({ historyLimit: -3 }))).toBe(0);
});

test('a history limit of 0 is not the default', () => {
  expect(historyLimitOf(aSet({ historyLimit: 0 }))).toBe(0);
});

describe('a set with label and partition', () => {
  const set = aSet({ updateStrategy: { rollingUpdate: { byLabel: {}, byPartition: { partition: 3 } } } });
  test('updates by the label', () => expect([updatesByLabel(set), partitionOf(set)]).toEqual([true, 0]));
});

test.each([
  { name: 'for its own delay', update: 5, scale: 7, expected: 7 },
  { name: 'for no delay, even if updates have one', update: 5, scale: 0, expected: 0 },
  { name: 'for the delay of updates, if it has none', update: 5, scale: undefined, expected: 5 },
])('scale-in waits $name', ({ update, scale, expected }) => {
  const set = aSet({
    updateStrategy: { operationDelaySeconds: update },
    scaleStrategy: scale === undefined ? {} : { operationDelaySeconds: scale },
  });
  expect(operationDelaySecondsOf(set, 'scale-in')).toBe(expected);
  expect(operationDelaySecondsOf(set, 'update')).toBe(update);
});
