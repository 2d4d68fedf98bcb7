import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { WorkQueue } from './workqueue.ts';

test('holds a key once', () => {
  const queue = new WorkQueue();
  queue.add('a');
  queue.add('a');
  expect([queue.take(), queue.take()]).toEqual(['a', undefined]);
});

test('a key that is added while it is being processed returns only after done', () => {
  const queue = new WorkQueue();
  queue.add('a');
  expect(queue.take()).toBe('a');
  queue.add('a');
  expect([queue.take(), queue.length]).toEqual([undefined, 1]);
  queue.done('a');
  expect(queue.take()).toBe('a');
});

test('the earliest of several delays applies', () => {
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

test('clear drops all waiting keys', () => {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock });
  queue.add('a');
  queue.addAfter('b', 10);
  queue.clear();
  clock.advance(20);
  expect([queue.take(), queue.delayed, clock.timers]).toEqual([undefined, 0, 0]);
});

/** Takes all that is ready, in order; each is done at once. */
function drained(queue: WorkQueue): readonly string[] {
  const taken: string[] = [];
  for (let key = queue.take(); key !== undefined; key = queue.take()) {
    taken.push(key);
    queue.done(key);
  }
  return taken;
}

test('namespaces take turns, each with its oldest key, however many keys a namespace has', () => {
  const queue = new WorkQueue();
  for (const key of ['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'b/2', 'c/1']) queue.add(key);
  expect(drained(queue)).toEqual(['a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'a/3', 'a/4']);
  expect(queue.length).toBe(0);
});

test('a namespace that is added later gets its turn after one key of each other namespace', () => {
  const queue = new WorkQueue();
  for (let at = 0; at < 1000; at++) queue.add(`busy/${at}`);
  queue.done(queue.take() ?? '');
  queue.add('late/1');
  expect(drained(queue).indexOf('late/1')).toBe(1);
});

test('keys that are names of namespaces take turns as well', () => {
  const queue = new WorkQueue();
  for (const key of ['one', 'two', 'one', 'three']) queue.add(key);
  expect(drained(queue)).toEqual(['one', 'two', 'three']);
});

test('on request, only keys of idle namespaces are returned', () => {
  const queue = new WorkQueue();
  for (const key of ['a/1', 'a/2', 'b/1']) queue.add(key);
  queue.take();
  expect([queue.take({ ofIdle: true }), queue.take({ ofIdle: true })]).toEqual(['b/1', undefined]);
  queue.done('a/1');
  expect(queue.take({ ofIdle: true })).toBe('a/2');
});
