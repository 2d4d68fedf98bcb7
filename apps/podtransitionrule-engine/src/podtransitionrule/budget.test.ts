import { textOfRefusal } from '@kuperator/holders';
import { expect, test } from 'vitest';
import { type Budget, exhausted, hasRoom } from './budget.ts';

const saying = (budget: Budget) => textOfRefusal({ ruleName: budget.ruleName, reason: exhausted(budget) });

test('names the limit, the number of Pods and how many are down', () => {
  const budget = { ruleName: 'web', total: 4, maxUnavailable: 2, minAvailable: 0, unavailable: 2, unread: undefined };
  expect(hasRoom(budget)).toBe(false);
  expect(saying(budget)).toBe('rule web: blocked by max unavailable 2/4, currently unavailable 2/4');
  expect(saying({ ...budget, maxUnavailable: 4, minAvailable: 2 })).toContain('blocked by min available 2/4');
});

test('gives no slot while the desired number of Pods is unknown', () => {
  const budget = {
    ruleName: 'web',
    total: 4,
    maxUnavailable: 2,
    minAvailable: 0,
    unavailable: 0,
    unread: 'ReplicaSet a',
  };
  expect(hasRoom(budget)).toBe(false);
  expect(saying(budget)).toBe('rule web: the replicas of ReplicaSet a have not been read yet');
});
