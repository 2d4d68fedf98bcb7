import { describe, expect, test } from 'vitest';
import { afterPass, aPod, aRule, maxUnavailable, waitingPods } from '../test/samples.ts';
import { isBehind, observedVersionOf } from './freshness.ts';

const newer = (version: number) => aPod({ name: 'p1', version, preCheck: { op: '1000' } });

describe('a Pod cache that is older than the last verdicts (T70, H8)', () => {
  const status = { observedPodResourceVersion: '1000' };

  test('is stale: versions are compared as numbers, not as text', () => {
    expect(isBehind(999n, status)).toBe(true);
    expect(isBehind(1000n, status)).toBe(false);
    expect(isBehind(20_000n, status)).toBe(false);
    expect(isBehind(0n, undefined)).toBe(false);
  });

  test('gives no verdict', () => {
    const rule = { ...aRule([maxUnavailable(1)]), status };
    expect(afterPass(rule, waitingPods(1), { cacheVersion: 999n })).toBe(rule);
  });
});

describe('the Pod version on which verdicts are based', () => {
  test('is the version of the newest selected Pod, not of a bookmark that another engine may get a minute later', () => {
    expect(observedVersionOf(undefined, [newer(7), newer(12)], 500n)).toBe('12');
  });

  test('never decreases', () => {
    expect(observedVersionOf({ observedPodResourceVersion: '40' }, [newer(12)], 500n)).toBe('40');
  });

  test('is the newest version in the cache if a Pod with a verdict is gone or was replaced', () => {
    const details = [{ name: 'p1', uid: 'uid-p1', passed: true }];
    expect(observedVersionOf({ details }, [], 500n)).toBe('500');
    expect(
      observedVersionOf({ details }, [{ ...newer(12), metadata: { ...newer(12).metadata, uid: 'x' } }], 500n),
    ).toBe('500');
    expect(observedVersionOf({ details }, [newer(12)], 500n)).toBe('12');
  });
});
