import { expect, test } from 'vitest';
import { ByteBudget } from './byte-budget.ts';

const never = new AbortController().signal;

test('a request that does not fit waits for its turn, and no other request overtakes it', async () => {
  const budget = new ByteBudget(10);
  const order: string[] = [];
  const back = await budget.take(8, never);
  const taken = async (name: string, bytes: number) => {
    const given = await budget.take(bytes, never);
    order.push(name);
    return given;
  };
  const large = taken('large', 9);
  const small = taken('small', 1);
  expect(budget.taken).toBe(8);
  back?.();
  back?.();
  await Promise.all([large, small]);
  expect(order).toEqual(['large', 'small']);
  expect(budget.taken).toBe(10);
  (await large)?.();
  (await small)?.();
  expect(budget.taken).toBe(0);
});

test('a request that gives up while it waits takes nothing, and lets the next ones pass', async () => {
  const budget = new ByteBudget(10);
  const back = await budget.take(5, never);
  const impatient = new AbortController();
  const large = budget.take(10, impatient.signal);
  const small = budget.take(5, never);
  impatient.abort();
  expect(await large).toBeUndefined();
  expect(await small).toBeTypeOf('function');
  back?.();
  expect(budget.taken).toBe(5);
  expect(await budget.take(1, impatient.signal)).toBeUndefined();
});
