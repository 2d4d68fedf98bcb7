import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { Seldom } from './seldom.ts';

test('a failure is reported when it occurs, when it changes, after ten minutes, and when it returns', async () => {
  const clock = new FakeClock();
  const seldom = new Seldom(clock);
  expect(seldom.isNews('a', 'broken')).toBe(true);
  expect(seldom.isNews('a', 'broken')).toBe(false);
  expect(seldom.isNews('b', 'broken')).toBe(true);
  expect(seldom.isNews('a', 'missing')).toBe(true);
  await clock.advanceAsync(600_000);
  expect(seldom.isNews('a', 'missing')).toBe(true);
  seldom.forget('a');
  expect(seldom.isNews('a', 'missing')).toBe(true);
});
