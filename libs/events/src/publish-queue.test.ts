import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PublishQueue } from './publish-queue.ts';

function filled(limit: number, count: number) {
  const queue = new PublishQueue<number>(limit);
  const dropped: number[] = [];
  for (let item = 0; item < count; item++) {
    const lost = queue.push('shop', item);
    if (lost !== undefined) dropped.push(lost);
  }
  return { queue, dropped };
}

test('a full queue drops the oldest facts', () => {
  const { queue, dropped } = filled(3, 5);
  expect(dropped).toEqual([0, 1]);
  expect([queue.take()?.item, queue.take()?.item, queue.take()?.item, queue.take()]).toEqual([2, 3, 4, undefined]);
});

test('counts events in flight against the limit, and drops the new event if no other can be dropped', () => {
  const { queue } = filled(2, 2);
  queue.take();
  expect(queue.push('shop', 2)).toBe(1);
  queue.take();
  expect(queue.push('shop', 3)).toBe(3);
});

test('namespaces take turns, and what is put back goes first again in its own', () => {
  const queue = new PublishQueue<string>(10);
  for (const item of ['s1', 's2', 's3']) queue.push('shop', item);
  queue.push('bank', 'b1');
  const taken = [queue.take(), queue.take(), queue.take()];
  expect(taken.map((of) => of?.item)).toEqual(['s1', 'b1', 's2']);
  queue.putBack(taken.map((of) => of?.number ?? -1));
  expect(queue.waiting).toBe(4);
  expect(Array.from({ length: 5 }, () => queue.take()?.item)).toEqual(['s1', 'b1', 's2', 's3', undefined]);
});

test('the namespace with the most waiting items gives way when the queue is full', () => {
  const queue = new PublishQueue<string>(4);
  queue.push('bank', 'b1');
  for (const item of ['s1', 's2', 's3']) queue.push('shop', item);
  expect([queue.push('shop', 's4'), queue.push('bank', 'b2'), queue.push('bank', 'b3')]).toEqual(['s1', 's2', 'b1']);
});

test('events that are put back are sent first, in their original order', () => {
  const { queue } = filled(10, 5);
  const numbers = [queue.take(), queue.take(), queue.take()].map((taken) => taken?.number ?? -1);
  queue.confirm(1);
  queue.putBack(numbers.toReversed());
  expect(Array.from({ length: 4 }, () => queue.take()?.item)).toEqual([0, 2, 3, 4]);
});

test('has passed a number once everything before it is confirmed or dropped', () => {
  const { queue } = filled(10, 2);
  const mark = queue.next;
  queue.push('shop', 2);
  expect(queue.isPast(mark)).toBe(false);
  queue.take();
  queue.take();
  queue.confirm(0);
  expect(queue.isPast(mark)).toBe(false);
  queue.confirm(1);
  expect(queue.isPast(mark)).toBe(true);
});

test('loses nothing except what it reports as dropped, in any order of calls', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('push') },
    { weight: 3, arbitrary: fc.constant('take') },
    { weight: 2, arbitrary: fc.constant('confirm') },
    { weight: 1, arbitrary: fc.constant('putBack') },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (steps, limit) => {
      const queue = new PublishQueue<number>(limit);
      const gone: number[] = [];
      let pushed = 0;
      for (const step of steps) {
        const flying = queue.inFlightItems().map(({ number }) => number);
        if (step === 'push')
          gone.push(...[queue.push(`ns-${pushed % 3}`, pushed++)].filter((item) => item !== undefined));
        if (step === 'take') queue.take();
        if (step === 'confirm') gone.push(...[queue.confirm(flying[0] ?? -1)].filter((item) => item !== undefined));
        if (step === 'putBack') queue.putBack(flying);
        expect(queue.length).toBeLessThanOrEqual(limit);
      }
      const left = queue.clear();
      expect(left).toEqual(left.toSorted((a, b) => a - b));
      expect([...gone, ...left].toSorted((a, b) => a - b)).toEqual(Array.from({ length: pushed }, (_, item) => item));
    }),
  );
});

test('stays fast with tens of thousands of items', () => {
  const { queue } = filled(50_000, 50_000);
  const taken = Array.from({ length: 50_000 }, () => queue.take()?.item);
  expect([taken[0], taken[25_000], taken[49_999]]).toEqual([0, 25_000, 49_999]);
});
