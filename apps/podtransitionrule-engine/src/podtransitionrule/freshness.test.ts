import { describe, expect, test } from 'vitest';
import { afterPass, aPod, aRule, maxUnavailable, waitingPods } from '../test/samples.ts';
import { isBehind, observedVersionOf } from './freshness.ts';

const newer = (version: number) => aPod({ name: 'p1', version, preCheck: { op: '1000' } });

describe('T70 H8 a Pod cache that has not seen what the last verdicts saw', () => {
  const status = { observedPodResourceVersion: '1000' };

  test('is behind, by number and not by text', () => {
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

describe('the Pod version verdicts rest on', () => {
  test('is that of the newest selected Pod, not of a bookmark another engine may get a minute later', () => {
    expect(observedVersionOf(undefined, [newer(7), newer(12)], 500n)).toBe('12');
  });

  test('never goes back', () => {
    expect(observedVersionOf({ observedPodResourceVersion: '40' }, [newer(12)], 500n)).toBe('40');
  });

  test('is all the cache has seen where a Pod with a verdict is gone or is another one', () => {
    const details = [{ name: 'p1', uid: 'uid-p1', passed: true }];
    expect(observedVersionOf({ details }, [], 500n)).toBe('500');
    expect(
      observedVersionOf({ details }, [{ ...newer(12), metadata: { ...newer(12).metadata, uid: 'x' } }], 500n),
    ).toBe('500');
    expect(observedVersionOf({ details }, [newer(12)], 500n)).toBe('12');
  });
});
