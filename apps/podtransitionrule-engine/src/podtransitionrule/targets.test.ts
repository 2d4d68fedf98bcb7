import { keyOf } from '@kuperator/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aPod, aRule } from '../test/samples.ts';
import { TargetIndex } from './targets.ts';

const ruleWith = (name: string, targets: readonly string[]) => aRule([], { name, status: { targets: [...targets] } });
const names = ['a', 'b', 'c', 'd'];

test('finds the rule objects whose last status names a Pod', () => {
  const targets = fc.subarray(names).map((some) => some.toSorted());
  const status = fc.record({ rule: fc.constantFrom('x', 'y'), targets: fc.option(targets, { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(status), (changes) => {
      const index = new TargetIndex();
      const last = new Map<string, ReturnType<typeof aRule>>();
      for (const { rule, targets } of changes) {
        const before = last.get(rule);
        const after = targets && ruleWith(rule, targets);
        index.update(before, after);
        if (after) last.set(rule, after);
        else last.delete(rule);
      }
      for (const name of names) {
        const expected = [...last.values()].filter(({ status }) => status?.targets?.includes(name)).map(keyOf);
        expect([...index.rulesOf(aPod({ name }))].toSorted()).toEqual(expected.toSorted());
      }
    }),
  );
});
