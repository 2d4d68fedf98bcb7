import { expect, test } from 'vitest';
import type { PodDisruptionBudget } from '../../resources.ts';
import { aServingPod } from '../../test/leaving-pods.ts';
import { whyNotBegun } from './not-begun.ts';

const budget = (name: string, status: PodDisruptionBudget['status'], app = 'web'): PodDisruptionBudget => ({
  metadata: { name, generation: 1 },
  spec: { selector: { matchLabels: { app } } },
  ...(status ? { status: { observedGeneration: 1, ...status } } : {}),
});
const full = { currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0 };

test.each([
  { name: 'there is no budget', budgets: [], why: undefined },
  { name: 'the budget selects another Pod', budgets: [budget('other', full, 'other')], why: undefined },
  {
    name: 'the budget has no room',
    budgets: [budget('web', full), budget('other', full, 'other')],
    why: 'waits for PodDisruptionBudget web, which allows no disruption now (2 healthy, 2 needed)',
  },
  {
    name: 'other drains use the room',
    budgets: [budget('web', { currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1 })],
    why: 'waits for PodDisruptionBudget web: Pods that are being drained use what it allows (3 healthy, 2 needed)',
  },
  {
    name: 'the budget is not evaluated yet',
    budgets: [budget('web', undefined)],
    why: 'waits for the disruption controller to evaluate PodDisruptionBudget web',
  },
  {
    name: 'two budgets select the Pod',
    budgets: [budget('b', full), budget('a', full)],
    why: 'cannot be evicted: PodDisruptionBudgets a and b both select it, which the eviction API does not support',
  },
])('$name: $why', ({ budgets, why }) => {
  expect(whyNotBegun(aServingPod(), budgets)).toBe(why);
});
