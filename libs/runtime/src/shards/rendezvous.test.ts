import { expect, test } from 'vitest';
import { ownerOf, viewFromId, viewOf } from './rendezvous.ts';

const keys = Array.from({ length: 3000 }, (_, i) => `team-${i % 7}/app-${i}`);
const owners = (members: string[]) => keys.map((key) => ownerOf(viewOf(members), key));

test('spreads keys evenly over replicas with near-equal names', () => {
  const members = ['controller-5d8f-x2x4z', 'controller-5d8f-x2x5z', 'controller-5d8f-x2x4y'];
  const all = owners(members);
  for (const member of members) {
    const share = all.filter((owner) => owner === member).length / keys.length;
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.37);
  }
});

test('moves only the keys of the member that joins or leaves', () => {
  const before = owners(['a', 'b', 'c']);
  const after = owners(['a', 'b', 'c', 'd']);
  for (const [i, owner] of after.entries()) if (owner !== 'd') expect(owner).toBe(before[i]);
});

test('does not depend on the order of the members', () => {
  expect(owners(['c', 'a', 'b'])).toEqual(owners(['a', 'b', 'c']));
  expect(viewFromId(viewOf(['c', 'a']).id)).toEqual(viewOf(['a', 'c']));
  expect(ownerOf(viewOf([]), 'key')).toBeUndefined();
});
