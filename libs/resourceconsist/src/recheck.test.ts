import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { Recheck } from './recheck.ts';

const waiting = { waiting: true, progress: false };

function recheckOf(delaysMs: readonly number[]) {
  const clock = new FakeClock();
  return { clock, recheck: new Recheck(delaysMs, clock, () => 1) };
}

test('waits longer each time while nothing changes, and repeats the last delay', () => {
  const { clock, recheck } = recheckOf([500, 1000]);
  for (const wait of [500, 1000, 1000]) {
    expect(recheck.after('default/a', waiting)).toBe(wait);
    clock.advance(wait);
  }
});

test('progress, or an end of the wait, starts again with the first delay', () => {
  const { clock, recheck } = recheckOf([500, 1000]);
  recheck.after('default/a', waiting);
  clock.advance(500);
  expect(recheck.after('default/a', { waiting: true, progress: true })).toBe(500);
  clock.advance(500);
  expect(recheck.after('default/a', { waiting: false, progress: false })).toBeUndefined();
  expect(recheck.after('default/a', waiting)).toBe(500);
});

test('an early pass neither shortens nor lengthens the wait', () => {
  const { clock, recheck } = recheckOf([500, 1000]);
  recheck.after('default/a', waiting);
  clock.advance(200);
  expect(recheck.after('default/a', waiting)).toBe(300);
});

test('without delays, only events start a pass', () => {
  expect(recheckOf([]).recheck.after('default/a', waiting)).toBeUndefined();
});
