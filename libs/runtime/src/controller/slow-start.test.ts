import { expect, test } from 'vitest';
import { slowStart } from './slow-start.ts';

const items = Array.from({ length: 20 }, (_, i) => i);

test('doubles the batches', async () => {
  const batches: number[] = [];
  let running = 0;
  await slowStart(items, async () => {
    running++;
    await Promise.resolve();
    if (running > 0) batches.push(running);
    running = 0;
  });
  expect(batches).toEqual([1, 2, 4, 8, 5]);
});

test('stops after the first batch with a failure and answers with all of its failures (T33)', async () => {
  const tried: number[] = [];
  const failures = await slowStart(items, async (item) => {
    tried.push(item);
    if (item >= 3) throw new Error(`item ${item}`);
  });
  expect(tried).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(failures.map(String)).toEqual([3, 4, 5, 6].map((item) => `Error: item ${item}`));
});

test('keeps batches under a maximum', async () => {
  let most = 0;
  let running = 0;
  const run = async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
  };
  expect(await slowStart(items, run, { initial: 3, max: 4 })).toEqual([]);
  expect(most).toBe(4);
});

test('a synchronous throw is a failure as well', async () => {
  const failures = await slowStart([1], () => {
    throw new Error('at once');
  });
  expect(failures).toHaveLength(1);
});
