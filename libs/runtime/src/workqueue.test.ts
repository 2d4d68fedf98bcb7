import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { WorkQueue } from './workqueue.ts';

test('holds a key once', () => {
  const queue = new WorkQueue();
  queue.add('a');
  queue.add('a');
  expect([queue.take(), queue.take()]).toEqual(['a', undefined]);
});

test('a key added while it is worked on comes again only after done', () => {
  const queue = new WorkQueue();
  queue.add('a');
  expect(queue.take()).toBe('a');
  queue.add('a');
  expect([queue.take(), queue.length]).toEqual([undefined, 1]);
  queue.done('a');
  expect(queue.take()).toBe('a');
});

test('of several delays the earliest counts', () => {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock });
  queue.addAfter('a', 100);
  queue.addAfter('a', 50);
  queue.addAfter('a', 80);
  clock.advance(49);
  expect(queue.length).toBe(0);
  clock.advance(1);
  expect(queue.take()).toBe('a');
  queue.done('a');
  clock.advance(100);
  expect(queue.take()).toBeUndefined();
});

test('clear drops all that waits', () => {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock });
  queue.add('a');
  queue.addAfter('b', 10);
  queue.clear();
  clock.advance(20);
  expect([queue.take(), queue.delayed, clock.timers]).toEqual([undefined, 0, 0]);
});
