import { controllerOf, type Pod } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { afterPass, aPod, aRule, maxUnavailable, passedIn, reasonIn, waitingPods } from '../test/samples.ts';
import { isUnavailable, type Owners, populationOf } from './population.ts';

const ownersOf = (pods: readonly Pod[], wanted: number): Owners => ({
  wanted: () => wanted,
  owned: (uid) => pods.filter((pod) => controllerOf(pod)?.uid === uid),
});

const setOf = (count: number) => waitingPods(count, { owner: 'set' });

describe('T, the number percentages are taken of', () => {
  test('is the Pods that are there when nobody says how many there should be', () => {
    const pods = setOf(3);
    const population = populationOf(pods, { wanted: () => undefined, owned: () => pods });
    expect(population).toMatchObject({ missing: 0, total: 3 });
  });

  test('H6 keeps the Pods that went and have not come back', () => {
    const pods = setOf(7);
    expect(populationOf(pods, ownersOf(pods, 10))).toMatchObject({ missing: 3, total: 10 });
  });

  test('counts what there is beyond the wish', () => {
    const pods = setOf(11);
    expect(populationOf(pods, ownersOf(pods, 10))).toMatchObject({ missing: 0, total: 11 });
  });

  test('is no larger for Pods of the owner that the rule does not select', () => {
    const pods = setOf(10);
    expect(populationOf(pods.slice(0, 3), ownersOf(pods, 10))).toMatchObject({ missing: 0, total: 3 });
  });

  test('is not known while an owner has not been read: Pods that are down pass, no other', () => {
    const pods = [...setOf(3), aPod({ name: 'p9', available: false, preCheck: { op: '1' }, owner: 'set' })];
    const owners: Owners = { wanted: () => 'unread', owned: () => pods };
    expect(populationOf(pods, owners)).toMatchObject({ unread: 'CollaSet set' });
    const judged = afterPass(aRule([maxUnavailable(2)]), pods, { owners });
    expect(passedIn(judged)).toEqual(['p9']);
    expect(reasonIn(judged, 'p1')).toBe('rule max: the replicas of CollaSet set have not been read yet');
  });

  test('T74 counts a terminating Pod once, whether it has been replaced or not', () => {
    const staying = setOf(9);
    const leaving = aPod({ name: 'p9x', terminating: true, owner: 'set' });
    const gap = [...staying, leaving];
    expect(populationOf(gap, ownersOf(gap, 10))).toMatchObject({ missing: 1, total: 10 });
    const replaced = [...gap, aPod({ name: 'p10', available: false, owner: 'set' })];
    expect(populationOf(replaced, ownersOf(replaced, 10))).toMatchObject({ missing: 0, total: 10 });
  });

  test('H6 a budget of 30% does not grow back while its Pods are being replaced', () => {
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
])('H11 a Pod $name is unavailable', ({ pod }) => {
  expect(isUnavailable(pod)).toBe(true);
  expect(isUnavailable(aPod({ name: 'p' }))).toBe(false);
});
