import { expect, test } from 'vitest';
import { InFlight } from './in-flight.ts';

function drain(bound: InFlight, count: number, outcome: 'good' | 'throttled'): void {
  const tickets = Array.from({ length: count }, () => bound.acquire());
  for (const ticket of tickets) if (typeof ticket === 'number') bound.release(ticket, outcome);
}

test('admits up to the bound, then in order of arrival', async () => {
  const bound = new InFlight(2);
  const [first] = [bound.acquire(), bound.acquire()];
  const order: string[] = [];
  const third = Promise.resolve(bound.acquire()).then(() => order.push('third'));
  const fourth = Promise.resolve(bound.acquire()).then(() => order.push('fourth'));
  expect([bound.running, bound.waiting]).toEqual([2, 2]);
  bound.release(Number(first), 'good');
  await third;
  expect(order).toEqual(['third']);
  bound.release(3, 'good');
  await fourth;
});

test('one overload cuts the bound once, however many of its requests were throttled', () => {
  const bound = new InFlight(64);
  drain(bound, 40, 'throttled');
  expect(bound.limit).toBe(44);
  drain(bound, 1, 'throttled');
  expect(bound.limit).toBe(30);
});

test('grows by one after each full round of good answers, up to where it was', () => {
  const bound = new InFlight(10);
  drain(bound, 1, 'throttled');
  expect(bound.limit).toBe(7);
  drain(bound, 7, 'good');
  expect(bound.limit).toBe(8);
  for (let i = 0; i < 20; i++) drain(bound, bound.limit, 'good');
  expect(bound.limit).toBe(10);
});

test('never stops altogether', () => {
  const bound = new InFlight(8);
  for (let i = 0; i < 50; i++) drain(bound, 1, 'throttled');
  expect(bound.limit).toBe(2);
});
