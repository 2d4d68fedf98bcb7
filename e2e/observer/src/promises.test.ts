import { describe, expect, test } from 'vitest';
import { leastInTraffic, recreateChecks, rollChecks, scaleInChecks, touchedInTraffic } from './promises.ts';
import type { Sighting } from './sighting.ts';

const sighting = (touchVersion: bigint, proxyPeriodMs = 0): Sighting => ({
  touches: [
    { pod: 'demo/a', uid: 'a', version: touchVersion, atMs: Number(touchVersion) * 100, what: 'image v1 → v2' },
  ],
  traffic: [
    { version: 20n, atMs: 2000, ready: new Set(['b']) },
    { version: 10n, atMs: 1000, ready: new Set(['a', 'b']) },
    { version: 30n, atMs: 3000, ready: new Set(['a', 'b']) },
  ],
  pods: [],
  proxyPeriodMs,
});

describe('touchedInTraffic', () => {
  test.each([
    { name: 'before the Pod left', version: 15n, broken: 1 },
    { name: 'while the Pod was out', version: 25n, broken: 0 },
    { name: 'after the Pod came back', version: 35n, broken: 1 },
  ])('judges a change $name by the versions, not by the order of arrival', ({ version, broken }) => {
    expect(touchedInTraffic(sighting(version))).toHaveLength(broken);
  });
});

test('touchedInTraffic does not depend on when the observer hears of the slice', () => {
  const { touches, traffic, ...rest } = sighting(25n);
  const late = traffic.map((each) => (each.version === 20n ? { ...each, atMs: 9000 } : each));
  expect(touchedInTraffic({ ...rest, touches, traffic: late })).toEqual([]);
});

describe('touchedInTraffic by the slowest proxy', () => {
  test.each([
    { name: 'before the proxy has synced', version: 25n, periodMs: 1000, broken: 1 },
    { name: 'just as the proxy syncs', version: 25n, periodMs: 500, broken: 0 },
    { name: 'after the proxy has synced', version: 25n, periodMs: 400, broken: 0 },
    { name: 'while the Pod was in traffic', version: 15n, periodMs: 400, broken: 1 },
  ])('judges a change $name', ({ version, periodMs, broken }) => {
    expect(touchedInTraffic(sighting(version, periodMs))).toHaveLength(broken);
  });

  test('remembers traffic that came and went within its period', () => {
    const { touches, traffic, ...rest } = sighting(50n, 1000);
    const flash = [
      { version: 40n, atMs: 4700, ready: new Set(['a']) },
      { version: 41n, atMs: 4800, ready: new Set<string>() },
    ];
    const off = { version: 31n, atMs: 3100, ready: new Set<string>() };
    expect(touchedInTraffic({ ...rest, touches, traffic: [...traffic, off] })).toEqual([]);
    expect(touchedInTraffic({ ...rest, touches, traffic: [...traffic, off, ...flash] })).toHaveLength(1);
  });
});

test('leastInTraffic returns the lowest number of Pods in traffic', () => {
  expect(leastInTraffic(sighting(25n))).toBe(1);
});

describe('checks', () => {
  const uids = new Set(['a', 'b']);

  test('pass for a roll that takes Pods out of traffic first', () => {
    const checks = rollChecks({ sighting: sighting(25n), pods: 2, mayBeOut: 1, uidsBefore: uids, uidsAfter: uids });
    expect(checks.map(({ kept }) => kept)).toEqual([true, true, true]);
  });

  test.each([
    { name: 'too many are out', change: { mayBeOut: 0 }, kept: [false, true, true] },
    { name: 'a Pod was replaced', change: { uidsAfter: new Set(['a', 'c']) }, kept: [true, false, true] },
    { name: 'a container was touched in traffic', change: { sighting: sighting(15n) }, kept: [true, true, false] },
    {
      name: 'the observer saw no change at all',
      change: { sighting: { ...sighting(25n), touches: [] } },
      kept: [true, true, false],
    },
  ])('fail if $name', ({ change, kept }) => {
    const base = { sighting: sighting(25n), pods: 2, mayBeOut: 1, uidsBefore: uids, uidsAfter: uids };
    expect(rollChecks({ ...base, ...change }).map((check) => check.kept)).toEqual(kept);
  });

  test('of a recreation require new Pods', () => {
    const base = { sighting: sighting(25n), pods: 2, mayBeOut: 1, uidsBefore: uids };
    const kept = (...after: string[]) =>
      recreateChecks({ ...base, uidsAfter: new Set(after) }).map((check) => check.kept);
    expect(kept('c', 'd')).toEqual([true, true, true]);
    expect(kept('a', 'd')).toEqual([true, false, true]);
  });

  test('of a scale-in require that the remaining Pods keep serving', () => {
    expect(scaleInChecks(sighting(25n), 1).map(({ kept }) => kept)).toEqual([true, true]);
    expect(scaleInChecks(sighting(25n), 2).map(({ kept }) => kept)).toEqual([false, true]);
  });
});
