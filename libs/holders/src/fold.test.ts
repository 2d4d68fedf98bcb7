import { describe, expect, test } from 'vitest';
import { foldHolds, textOfGroups } from './fold.ts';
import type { Holder } from './holder.ts';
import { type Hold, RANKS } from './pod-holds.ts';

const rule = (reason: string): Holder => ({ kind: 'rule', rule: 'web', name: 'budget', reason });
const image: Holder = { kind: 'image', container: 'main', image: 'nginx:typo', reason: 'ErrImagePull', message: 'x' };
const hold = (pod: string | undefined, holder: Holder, rank: number, sinceMs?: number): Hold => ({
  holder,
  pod,
  operation: undefined,
  sinceMs,
  rank,
});

describe('foldHolds', () => {
  test('puts the furthest advanced holder first, however many wait for another', () => {
    const holds = [
      ...['a', 'b', 'c', 'd'].map((pod) => hold(pod, rule('1 of 1 slots used'), RANKS.PreCheck)),
      ...['e', 'f', 'g'].map((pod) => hold(pod, image, RANKS.Operate)),
    ];
    expect(textOfGroups(foldHolds(holds))).toBe(
      '3 Pods: kubelet cannot pull nginx:typo (ErrImagePull); 4 Pods: rule web/budget: 1 of 1 slots used',
    );
  });

  test('takes together what differs in figures only, and gives the earliest time', () => {
    const start = Date.UTC(2026, 0, 1);
    const holds = [
      hold('b', rule('unavailable 2/3'), RANKS.PreCheck, start + 5000),
      hold('a', rule('unavailable 1/3'), RANKS.PreCheck, start + 9000),
    ];
    expect(textOfGroups(foldHolds(holds))).toBe(
      '2 Pods: rule web/budget: unavailable 1/3 (since 2026-01-01T00:00:05Z)',
    );
  });

  test('takes together what a stopped engine last said of each Pod', () => {
    const engine = (reason: string): Holder => ({ kind: 'engine', rules: ['web'], reason, isRunning: false });
    const holds = [hold('a', engine('labels of a'), 1), hold('b', engine('labels of b'), 1)];
    expect(textOfGroups(foldHolds(holds))).toMatch(/^2 Pods: podtransitionrule-engine is not running/);
  });

  test('of equal rank, the holder of more Pods comes first', () => {
    const delay: Holder = { kind: 'operation', id: 'x', isTyped: true, app: undefined, isRunning: true };
    const holds = [hold('a', delay, 3), hold('b', image, 3), hold('c', image, 3)];
    expect(foldHolds(holds).map(({ pods }) => pods)).toEqual([['b', 'c'], ['a']]);
  });

  test('of delays, the last to end is shown', () => {
    const holds = [1000, 3000, 2000].map((untilMs, at) =>
      hold(`p${at}`, { kind: 'delay', seconds: 5, untilMs }, RANKS.Operate),
    );
    expect(textOfGroups(foldHolds(holds))).toBe(
      '3 Pods: permitted, and waits for operationDelaySeconds (5 s, until 1970-01-01T00:00:03Z)',
    );
  });

  test('names a single Pod, and the set where no Pod is held', () => {
    expect(textOfGroups(foldHolds([hold('a', image, 3)]))).toBe('Pod a: kubelet cannot pull nginx:typo (ErrImagePull)');
    expect(textOfGroups(foldHolds([hold(undefined, { kind: 'paused' }, RANKS.set)]))).toBe('the set is paused');
    expect(textOfGroups([])).toBe('');
  });

  test('stays short however many holders there are, and however long their words', () => {
    const holds = Array.from({ length: 100 }, (_, at) =>
      hold(`p${at}`, { kind: 'finalizer', finalizers: [`example.com/${String.fromCharCode(97 + (at % 26))}`] }, 8),
    );
    expect(textOfGroups(foldHolds(holds))).toMatch(/^4 Pods: .*; 84 more for other reasons$/);
    const long: Holder = { kind: 'refused', what: 'a Pod', message: 'x'.repeat(5000) };
    expect(textOfGroups(foldHolds([hold('a', long, 9)])).length).toBeLessThanOrEqual(1000);
  });
});
