import { keyOf, POD_TRANSITION_RULES } from '@kuperator/api';
import { InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { aPod, aRule } from '../test/samples.ts';
import { type Caches, RULE_INDEXES } from './caches.ts';
import { TargetIndex } from './targets.ts';
import { rulesOfPod } from './wakeups.ts';

const rule = { ...aRule([]), status: { targets: ['a', 'c', 'e'] } };
const other = (name: string) => aPod({ name, labels: { app: 'other' } });

test.each([
  { name: 'a Pod that it selects', pod: aPod({ name: 'x' }), was: undefined, expected: true },
  { name: 'a Pod that it selected before', pod: other('x'), was: aPod({ name: 'x' }), expected: true },
  { name: 'one of its targets', pod: other('c'), was: undefined, expected: true },
  { name: 'the last of its targets', pod: other('e'), was: undefined, expected: true },
  { name: 'another Pod', pod: other('d'), was: other('d'), expected: false },
])('an event of $name wakes the rule: $expected', ({ pod, was, expected }) => {
  const cluster = new InMemoryCluster();
  cluster.add(POD_TRANSITION_RULES, rule);
  const caches = { rules: cluster.informer(POD_TRANSITION_RULES, { indexes: RULE_INDEXES }) } as unknown as Caches;
  const targets = new TargetIndex();
  targets.update(undefined, rule);
  const change = { type: was ? ('updated' as const) : ('added' as const), key: keyOf(pod), object: pod };
  const woken = rulesOfPod(was ? { ...change, old: was } : change, caches, targets);
  expect(woken.includes(keyOf(rule))).toBe(expected);
});
