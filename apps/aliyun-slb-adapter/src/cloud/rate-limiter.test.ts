import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { RateLimiter } from './rate-limiter.ts';

const signal = new AbortController().signal;

function limiter(calls: number, perMs: number, share = () => 1) {
  const clock = new FakeClock();
  const limits = new RateLimiter({ limitOf: () => ({ calls, perMs }), share, clock });
  const at: number[] = [];
  const call = (queue = 'lb') =>
    limits.acquire('api', { queue, signal }).then(() => {
      at.push(clock.monotonic());
    });
  return { clock, limits, at, call };
}

test.each([1, 0.5])('no window of the limit has more calls than a share of %d allows', async (share) => {
  const { clock, at, call } = limiter(90, 60_000, () => share);
  const calls = Array.from({ length: 200 }, () => call());
  await clock.advanceAsync(10 * 60_000);
  await Promise.all(calls);
  const most = Math.max(...at.map((from) => at.filter((time) => time >= from && time < from + 60_000).length));
  expect(most).toBeLessThanOrEqual(90 * share);
  // Nor are calls held back much longer than the limit makes them wait.
  expect(most).toBeGreaterThanOrEqual(90 * share - 2);
});

test('load balancers take turns', async () => {
  const { clock, limits } = limiter(3, 3000);
  const order: string[] = [];
  for (const queue of ['a', 'a', 'a', 'a', 'b']) {
    limits.acquire('api', { queue, signal }).then(
      () => order.push(queue),
      () => {},
    );
  }
  await clock.advanceAsync(10_000);
  expect(order).toEqual(['a', 'a', 'b', 'a', 'a']);
});

test('after a throttled call nothing is called for a while, longer each time', async () => {
  const { clock, limits, at, call } = limiter(1000, 1000);
  await call();
  limits.throttled('api');
  limits.throttled('api');
  const second = call();
  await clock.advanceAsync(900);
  expect(at).toHaveLength(1);
  await clock.advanceAsync(300);
  await second;
  limits.throttled('api');
  const third = call();
  await clock.advanceAsync(1900);
  expect(at).toHaveLength(2);
  await clock.advanceAsync(300);
  await third;
  limits.succeeded('api');
  limits.throttled('api');
  const fourth = call();
  await clock.advanceAsync(1200);
  await fourth;
});

test('a call that waits ends when its signal aborts', async () => {
  const { clock, limits, call } = limiter(1, 60_000);
  await call();
  const abort = new AbortController();
  const waiting = limits.acquire('api', { queue: 'lb', signal: abort.signal });
  expect(limits.waiting).toBe(1);
  abort.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  expect(limits.waiting).toBe(0);
  await clock.advanceAsync(120_000);
});
