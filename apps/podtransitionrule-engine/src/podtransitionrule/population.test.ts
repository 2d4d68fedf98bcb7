import { controllerOf, type Pod } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { afterPass, aPod, aRule, maxUnavailable, passedIn, reasonIn, waitingPods } from '../test/samples.ts';
import { isUnavailable, type Owners, populationOf } from './population.ts';

const ownersOf = (pods: readonly Pod[], wanted: number): Owners => ({
  wanted: () => wanted,
  owned: (uid) => pods.filter((pod) => controllerOf(pod)?.uid === uid),
});

const setOf = (count: number) => waitingPods(count, { owner: 'set' });

describe('T, the number to which percentages refer', () => {
  test('is the number of existing Pods if no owner sets a desired number', () => {
    const pods = setOf(3);
    const population = populationOf(pods, { wanted: () => undefined, owned: () => pods });
    expect(population).toMatchObject({ missing: 0, total: 3 });
  });

  test('includes Pods that are gone and not recreated yet (H6)', () => {
    const pods = setOf(7);
    expect(populationOf(pods, ownersOf(pods, 10))).toMatchObject({ missing: 3, total: 10 });
  });

  test('includes Pods beyond the desired number', () => {
    const pods = setOf(11);
    expect(populationOf(pods, ownersOf(pods, 10))).toMatchObject({ missing: 0, total: 11 });
  });

  test('does not include Pods of the owner that the rule does not select', () => {
    const pods = setOf(10);
    expect(populationOf(pods.slice(0, 3), ownersOf(pods, 10))).toMatchObject({ missing: 0, total: 3 });
  });

  test('is unknown while an owner has not been read: only Pods that are down pass', () => {
    const pods = [...setOf(3), aPod({ name: 'p9', available: false, preCheck: { op: '1' }, owner: 'set' })];
    const owners: Owners = { wanted: () => 'unread', owned: () => pods };
    expect(populationOf(pods, owners)).toMatchObject({ unread: 'CollaSet set' });
    const judged = afterPass(aRule([maxUnavailable(2)]), pods, { owners });
    expect(passedIn(judged)).toEqual(['p9']);
    expect(reasonIn(judged, 'p1')).toBe('rule max: the replicas of CollaSet set have not been read yet');
  });

  test('counts a terminating Pod once, whether or not it has been replaced (T74)', () => {
    const staying = setOf(9);
    const leaving = aPod({ name: 'p9x', terminating: true, owner: 'set' });
    const gap = [...staying, leaving];
    expect(populationOf(gap, ownersOf(gap, 10))).toMatchObject({ missing: 1, total: 10 });
    const replaced = [...gap, aPod({ name: 'p10', available: false, owner: 'set' })];
    expect(populationOf(replaced, ownersOf(replaced, 10))).toMatchObject({ missing: 0, total: 10 });
  });

  test('a budget of 30% does not recover while its Pods are being replaced (H6)', () => {
    const pods = setOf(10).slice(3);
    expect(passedIn(afterPass(aRule([maxUnavailable('30%')]), pods, { owners: ownersOf(pods, 10) }))).toEqual([]);
  });
});

test.each([
  { name: 'without the service-available label', pod: aPod({ name: 'p', available: false }) },
  { name: 'that is terminating', pod: aPod({ name: 'p', terminating: true }) },
  { name: 'that has failed', pod: aPod({ name: 'p', phase: 'Failed' }) },
  { name: 'that has succeeded', pod: aPod({ name: 'p', phase: 'Succeeded' }) },
  { name: 'that is not Ready', pod: aPod({ name: 'p', ready: false }) },
])('a Pod $name is unavailable (H11)', ({ pod }) => {
  expect(isUnavailable(pod)).toBe(true);
  expect(isUnavailable(aPod({ name: 'p' }))).toBe(false);
});
