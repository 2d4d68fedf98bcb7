import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

function turnsOf(items: Record<string, string[]>): Turns<string> {
  const turns = new Turns<string>();
  for (const [group, of] of Object.entries(items)) for (const item of of) turns.add(group, item);
  return turns;
}

function drain(turns: Turns<string>): string[] {
  const taken: string[] = [];
  for (let next = turns.take(); next; next = turns.take()) taken.push(next.item);
  return taken;
}

test('groups take turns, and within a group the oldest item comes first', () => {
  expect(drain(turnsOf({ a: ['a1', 'a2', 'a3'], b: ['b1'], c: ['c1', 'c2'] }))).toEqual([
    'a1',
    'b1',
    'c1',
    'a2',
    'c2',
    'a3',
  ]);
});

test('an item is in its group at most once', () => {
  const turns = turnsOf({ a: ['x'] });
  expect(turns.add('a', 'x')).toBe(false);
  expect(turns.add('b', 'x')).toBe(true);
  expect(turns.size).toBe(2);
});

test('a group that is passed over keeps its place', () => {
  const turns = turnsOf({ a: ['a1'], b: ['b1'] });
  expect(turns.take((group) => (group === 'a' ? undefined : 0))).toEqual({ group: 'b', item: 'b1' });
  expect(turns.take(() => undefined)).toBeUndefined();
  expect(turns.take()).toEqual({ group: 'a', item: 'a1' });
});

test('the group with the lowest rank comes first, and of equal ones the first in turn', () => {
  const ranks = new Map([
    ['a', 2],
    ['b', 1],
    ['c', 1],
  ]);
  const turns = turnsOf({ a: ['a1'], b: ['b1', 'b2'], c: ['c1'] });
  const taken = Array.from({ length: 4 }, () => turns.take((group) => ranks.get(group))?.item);
  expect(taken).toEqual(['b1', 'c1', 'b2', 'a1']);
});

test('the largest group and the oldest items are told', () => {
  const turns = turnsOf({ a: ['a1'], b: ['b1', 'b2'] });
  expect(turns.largest()).toEqual({ group: 'b', size: 2 });
  expect([...turns.oldest()]).toEqual(['a1', 'b1']);
  expect(new Turns().largest()).toBeUndefined();
});

test('however items are added, deleted and taken, none is lost or handed out twice', () => {
  const step = fc.record({ do: fc.constantFrom('add', 'delete', 'take'), group: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const turns = new Turns<number>();
      const expected = new Map<number, string>();
      steps.forEach(({ do: what, group }, number) => {
        if (what === 'add') {
          turns.add(group, number);
          expected.set(number, group);
        } else if (what === 'delete') {
          const [known] = [...expected].find(([, of]) => of === group) ?? [];
          expect(turns.delete(group, known ?? -1)).toBe(known !== undefined);
          expected.delete(known ?? -1);
        } else {
          const taken = turns.take();
          expect(taken?.group).toBe(taken && expected.get(taken.item));
          expected.delete(taken?.item ?? -1);
        }
        expect(turns.size).toBe(expected.size);
      });
    }),
  );
});
