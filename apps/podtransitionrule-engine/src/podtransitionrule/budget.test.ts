import { describe, expect, test } from 'vitest';
import { exhausted, hasRoom, limitsOf } from './budget.ts';

describe('limits of a policy', () => {
  test.each([
    { policy: { maxUnavailableValue: '50%' }, total: 4, max: 2, min: 0 },
    { policy: { maxUnavailableValue: '30%' }, total: 5, max: 2, min: 0 },
    { policy: { maxUnavailableValue: '1%' }, total: 1, max: 1, min: 0 },
    { policy: { maxUnavailableValue: '0%' }, total: 1, max: 0, min: 0 },
    { policy: { maxUnavailableValue: '150%' }, total: 4, max: 6, min: 0 },
    { policy: { maxUnavailableValue: 0 }, total: 3, max: 0, min: 0 },
    { policy: { maxUnavailableValue: -1 }, total: 3, max: -1, min: 0 },
    { policy: { minAvailableValue: '75%' }, total: 10, max: 10, min: 7 },
    { policy: { maxUnavailableValue: 5, minAvailableValue: 8 }, total: 10, max: 5, min: 8 },
  ])('$policy of $total Pods: at most $max unavailable, at least $min available', ({ policy, total, max, min }) => {
    expect(limitsOf(policy, total)).toEqual({ maxUnavailable: max, minAvailable: min });
  });

  test.each([
    { policy: { maxUnavailableValue: '3' }, problem: 'maxUnavailableValue "3" is neither a whole number' },
    { policy: { maxUnavailableValue: '12.5%' }, problem: 'maxUnavailableValue "12.5%" is neither a whole number' },
    { policy: { minAvailableValue: 'many' }, problem: 'minAvailableValue "many" is neither a whole number' },
    { policy: {}, problem: 'sets neither maxUnavailableValue nor minAvailableValue' },
    {
      policy: { maxUnavailablePolicy: { expFunc: { coeff: '1', pow: '0.5' } } },
      problem: 'has only an expFunc policy',
    },
  ])('$policy is for the user to mend', ({ policy, problem }) => {
    expect(limitsOf(policy, 10)).toEqual({ problem: expect.stringContaining(problem) });
  });
});

test('says which limit holds, of how many, and how many are down', () => {
  const budget = { ruleName: 'web', total: 4, maxUnavailable: 2, minAvailable: 0, unavailable: 2 };
  expect(hasRoom(budget)).toBe(false);
  expect(exhausted(budget)).toBe('rule web: blocked by max unavailable 2/4, currently unavailable 2/4');
  expect(exhausted({ ...budget, maxUnavailable: 4, minAvailable: 2 })).toContain('blocked by min available 2/4');
});
