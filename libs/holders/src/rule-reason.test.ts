import fc from 'fast-check';
import { expect, test } from 'vitest';
import { spelled } from './counted-text.ts';
import {
  clauseOfReason,
  haveSameReasons,
  type RuleReason,
  reasonFrom,
  refusalFrom,
  textOfRefusal,
} from './rule-reason.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const size = fc.integer({ min: -2, max: 10_000 });
const budget = fc.record({
  kind: fc.constant('budget' as const),
  limit: fc.constantFrom('max unavailable' as const, 'min available' as const),
  allowed: size,
  total: fc.nat(10_000),
  unavailable: fc.nat(10_000),
});
const plain: fc.Arbitrary<RuleReason> = fc.oneof(
  budget,
  fc.record({ kind: fc.constant('invalid' as const), problem: fc.string() }),
  fc.record({ kind: fc.constant('labels' as const), pod: name, requires: fc.string() }),
  fc.record({ kind: fc.constant('owner-unread' as const), owner: name }),
  fc.record({ kind: fc.constant('webhook' as const), message: fc.string() }),
  fc.constant({ kind: 'not-approved' } as const),
  fc.record({ kind: fc.constant('slot-reserved' as const), first: name }),
);
const reason: fc.Arbitrary<RuleReason> = fc.oneof(
  plain,
  fc.record({ kind: fc.constant('refused-elsewhere' as const), object: name, rule: name, reason: plain }),
);
const infoFor = (ruleName: string, why: RuleReason) => ({ ruleName, reason: textOfRefusal({ ruleName, reason: why }) });

test('a refusal read back from the text says the same, word for word', () => {
  fc.assert(
    fc.property(name, reason, (ruleName, why) => {
      const text = textOfRefusal({ ruleName, reason: why });
      const read = refusalFrom({ ruleName, reason: text });
      const isWhole = read.reason.kind === 'words' && read.reason.words === text;
      expect(isWhole ? text : textOfRefusal(read)).toBe(text);
    }),
  );
});

test('a budget that is read back has the numbers it was written with', () => {
  fc.assert(
    fc.property(budget, (why) => {
      expect(reasonFrom(spelled(clauseOfReason(why)))).toEqual({ ...why });
    }),
  );
});

test('two reasons are the same whatever they count', () => {
  fc.assert(
    fc.property(budget, budget, name, (one, other, elsewhere) => {
      const isSame = one.limit === other.limit;
      expect(haveSameReasons([infoFor('r', one)], [infoFor('r', other)])).toBe(isSame);
      const inOther = (why: RuleReason): RuleReason => ({
        kind: 'refused-elsewhere',
        object: elsewhere,
        rule: 'x',
        reason: why,
      });
      expect(haveSameReasons([infoFor('r', inOther(one))], [infoFor('r', inOther(other))])).toBe(isSame);
      expect(haveSameReasons([infoFor('r', one)], [infoFor('r', inOther(one))])).toBe(false);
      expect(haveSameReasons([infoFor('r', one)], [infoFor('s', one)])).toBe(false);
      expect(haveSameReasons([infoFor('r', one)], [])).toBe(false);
    }),
  );
});

test.each([
  { one: 'task a is in progress: 3 of 10', other: 'task a is in progress: 4 of 10', isSame: true },
  { one: 'task a is in progress: 3 of 10', other: 'task b is in progress: 3 of 10', isSame: false },
])('of the words of an approver only the counts may differ: $one, $other', ({ one, other, isSame }) => {
  const info = (message: string) => infoFor('ask', { kind: 'webhook', message });
  expect(haveSameReasons([info(one)], [info(other)])).toBe(isSame);
});
