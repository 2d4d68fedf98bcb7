import { sleep } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.ts';

test('fires timers in order, each at its time, including timers that are set meanwhile', () => {
  const clock = new FakeClock(0);
  const fired: string[] = [];
  clock.setTimeout(() => fired.push(`b@${clock.now()}`), 20);
  clock.setTimeout(() => {
    fired.push(`a@${clock.now()}`);
    clock.setTimeout(() => fired.push(`c@${clock.now()}`), 5);
  }, 10);
  const cancel = clock.setTimeout(() => fired.push('never'), 12);
  cancel();
  clock.advance(100);
  expect(fired).toEqual(['a@10', 'c@15', 'b@20']);
  expect([clock.now(), clock.timers]).toEqual([100, 0]);
});

test('advanceAsync runs the continuations of a timer before the next timer', async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  const work = async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(clock, 10);
      at.push(clock.monotonic());
    }
  };
  const working = work();
  await clock.advanceAsync(100);
  await working;
  expect(at).toEqual([10, 20, 30]);
});

test('nanos strictly increase even if time stands still (T19)', () => {
  const clock = new FakeClock();
  const first = BigInt(clock.nanos());
  expect(BigInt(clock.nanos())).toBe(first + 1n);
});
