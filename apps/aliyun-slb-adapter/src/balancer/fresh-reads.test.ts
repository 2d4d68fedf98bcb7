import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { FreshReads } from './fresh-reads.ts';

const { signal } = new AbortController();

test('a caller gets a read that starts after its call, and those that wait share one', async () => {
  const clock = new FakeClock();
  const reads = new FreshReads(clock, 0);
  const answers: PromiseWithResolvers<number>[] = [];
  const read = () => {
    const answer = Promise.withResolvers<number>();
    answers.push(answer);
    return answer.promise;
  };
  const first = reads.get('a', signal, read);
  await clock.advanceAsync(1);
  const second = reads.get('a', signal, read);
  const third = reads.get('a', signal, read);
  await clock.advanceAsync(1);
  expect(answers).toHaveLength(1);
  answers[0]?.resolve(1);
  expect(await first).toBe(1);
  await clock.advanceAsync(1);
  expect(answers).toHaveLength(2);
  answers[1]?.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
});

test('reads of the same have a least interval, and those of others do not wait', async () => {
  const clock = new FakeClock();
  const reads = new FreshReads(clock, 500);
  const at: string[] = [];
  const read = (name: string) => reads.get(name, signal, async () => at.push(`${name} ${clock.monotonic()}`));
  await read('a');
  const again = read('a');
  await read('b');
  await clock.advanceAsync(500);
  await again;
  const start = Number(at[0]?.split(' ')[1]);
  expect(at).toEqual([`a ${start}`, `b ${start}`, `a ${start + 500}`]);
});

test('a failure reaches all who share the read, and the next read is made', async () => {
  const reads = new FreshReads(new FakeClock(), 0);
  const fail = () => Promise.reject(new Error('no answer'));
  const shared = [reads.get('a', signal, fail), reads.get('a', signal, fail)];
  await expect(shared[0]).rejects.toThrow('no answer');
  await expect(shared[1]).rejects.toThrow('no answer');
  expect(await reads.get('a', signal, async () => 1)).toBe(1);
});
