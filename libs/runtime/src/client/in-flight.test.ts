import { FakeClock } from '@kuperator/testing';
import { expect, test, vi } from 'vitest';
import { SlotTimeoutError } from './errors.ts';
import { InFlight, type Ticket } from './in-flight.ts';

function drain(bound: InFlight, count: number, outcome: 'good' | 'throttled'): void {
  const tickets = Array.from({ length: count }, (_, index) => bound.acquire(`ns-${index}`));
  for (const ticket of tickets) if (!(ticket instanceof Promise)) bound.release(ticket, outcome);
}

function ticketOf(given: Ticket | Promise<Ticket> | undefined): Promise<Ticket> {
  if (given === undefined) throw new Error('nothing was acquired');
  return Promise.resolve(given);
}

test('admits requests up to the limit, then in order of arrival', async () => {
  const bound = new InFlight(2);
  const [first] = [bound.acquire('shop'), bound.acquire('shop')];
  const order: string[] = [];
  const third = Promise.resolve(bound.acquire('shop')).then(() => order.push('third'));
  const fourth = Promise.resolve(bound.acquire('shop')).then(() => order.push('fourth'));
  expect([bound.running, bound.waiting]).toEqual([2, 2]);
  bound.release(await ticketOf(first), 'good');
  await third;
  expect(order).toEqual(['third']);
  bound.release({ number: 3, namespace: 'shop' }, 'good');
  await fourth;
});

test('an overload lowers the limit once, however many requests were throttled', () => {
  const bound = new InFlight(64);
  drain(bound, 40, 'throttled');
  expect(bound.limit).toBe(44);
  drain(bound, 1, 'throttled');
  expect(bound.limit).toBe(30);
});

test('raises the limit by one after each full round of successes, up to its initial value', () => {
  const bound = new InFlight(10);
  drain(bound, 1, 'throttled');
  expect(bound.limit).toBe(7);
  drain(bound, 7, 'good');
  expect(bound.limit).toBe(8);
  for (let i = 0; i < 20; i++) drain(bound, bound.limit, 'good');
  expect(bound.limit).toBe(10);
});

test('never lowers the limit below 2', () => {
  const bound = new InFlight(8);
  for (let i = 0; i < 50; i++) drain(bound, 1, 'throttled');
  expect(bound.limit).toBe(2);
});

test('a namespace whose requests are slow leaves room for the others', async () => {
  const bound = new InFlight(16);
  const slow = Array.from({ length: 30 }, () => bound.acquire('slow'));
  // Two of the 16 slots are kept.
  expect([bound.running, bound.waiting]).toEqual([14, 16]);
  await bound.acquire('shop');
  await bound.acquire('bank');
  expect([bound.running, bound.waiting]).toEqual([16, 16]);

  const order: string[] = [];
  for (const namespace of ['slow', 'shop', 'shop', 'bank']) {
    Promise.resolve(bound.acquire(namespace)).then(
      ({ namespace: admitted }) => order.push(admitted),
      () => {},
    );
  }
  // The first two that end give back the slots that are kept.
  for (const ticket of slow.slice(0, 5)) bound.release(await ticketOf(ticket), 'good');
  await vi.waitFor(() => expect(order).toEqual(['shop', 'bank', 'shop']));
});

test('a waiting request ends at once when its signal aborts, and the next one moves up', async () => {
  const bound = new InFlight(1);
  const first = bound.acquire('shop');
  const abort = new AbortController();
  const aborted = bound.acquire('shop', abort.signal);
  const next = bound.acquire('shop');
  abort.abort(new Error('the Lease is lost'));
  await expect(aborted).rejects.toThrow('the Lease is lost');
  expect(bound.waiting).toBe(1);
  bound.release(await ticketOf(first), 'good');
  expect(await next).toEqual({ number: 2, namespace: 'shop' });
});

test('a request whose signal has already aborted does not wait for a slot', async () => {
  const bound = new InFlight(1);
  await bound.acquire('shop');
  await expect(bound.acquire('shop', AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
  expect(bound.waiting).toBe(0);
});

test('a request waits for a slot no longer than its limit, and its error says what it waited for', async () => {
  const clock = new FakeClock();
  const bound = new InFlight(1, { timeoutMs: 30_000, clock });
  await bound.acquire('shop');
  const waiting = Promise.resolve(bound.acquire('shop')).catch((error: unknown) => error);
  await clock.advanceAsync(29_000);
  expect([bound.waiting, bound.waitedMs]).toEqual([1, 29_000]);
  await clock.advanceAsync(1000);
  const error = await waiting;
  expect(error).toBeInstanceOf(SlotTimeoutError);
  expect(String(error)).toContain('no free slot within 30 s: 1 requests are in flight, the limit is 1');
  expect([bound.waiting, bound.waitedMs, clock.timers]).toEqual([0, 0, 0]);
});
