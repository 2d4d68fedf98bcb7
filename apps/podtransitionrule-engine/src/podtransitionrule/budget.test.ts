import { expect, test } from 'vitest';
import { exhausted, hasRoom } from './budget.ts';

test('says which limit holds, of how many, and how many are down', () => {
  const budget = { ruleName: 'web', total: 4, maxUnavailable: 2, minAvailable: 0, unavailable: 2 };
  expect(hasRoom(budget)).toBe(false);
  expect(exhausted(budget)).toBe('rule web: blocked by max unavailable 2/4, currently unavailable 2/4');
  expect(exhausted({ ...budget, maxUnavailable: 4, minAvailable: 2 })).toContain('blocked by min available 2/4');
});
