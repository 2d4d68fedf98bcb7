import { expect, test } from 'vitest';
import type { RouteChange } from './routes.ts';
import { leastSlackMs, type Signal, type SliceChange, stopsOf } from './slack.ts';

const ip = '10.88.0.10';
const sigterm = (atMs: number): Signal => ({ atMs, what: 'SIGTERM', pod: 'web-a', ip, version: 'v1' });
const routed = (atMs: number): RouteChange => ({ atMs, ip, routed: true });
const removed = (atMs: number): RouteChange => ({ atMs, ip, routed: false });
const dropped = (atMs: number): SliceChange => ({ atMs, ip, ready: false });

test.each<{ name: string; routes: RouteChange[]; slackMs: number | undefined }>([
  { name: 'after the route was removed', routes: [routed(0), removed(900)], slackMs: 100 },
  { name: 'before the route was removed', routes: [routed(0), removed(1_300)], slackMs: -300 },
  { name: 'while a route stays', routes: [routed(0)], slackMs: -Infinity },
  { name: 'before the Pod ever had a route', routes: [routed(2_000)], slackMs: undefined },
  {
    name: 'after its second route was removed',
    routes: [routed(0), removed(100), routed(200), removed(950)],
    slackMs: 50,
  },
  {
    name: 'before its second route was removed',
    routes: [routed(0), removed(100), routed(200), removed(1_001)],
    slackMs: -1,
  },
  { name: 'of a Pod in no Service', routes: [{ atMs: 0, ip: '10.88.0.11', routed: true }], slackMs: undefined },
])('measures a SIGTERM $name', ({ routes, slackMs }) => {
  expect(stopsOf([sigterm(1_000)], routes, [])).toEqual([{ pod: 'web-a', slackMs, proxyLagMs: undefined }]);
});

test('measures the delay of the proxy from the EndpointSlice that no longer has the Pod', () => {
  const stops = stopsOf([sigterm(1_000)], [routed(0), removed(900)], [dropped(50), dropped(400), dropped(950)]);
  expect(stops[0]?.proxyLagMs).toBe(500);
});

test('a start or an exit does not count as a stop', () => {
  const signals: Signal[] = [
    { ...sigterm(10), what: 'START' },
    { ...sigterm(20), what: 'EXIT' },
  ];
  expect(stopsOf(signals, [routed(0)], [])).toEqual([]);
});

test('the least slack is the smallest slack of all Pods in a Service', () => {
  const stop = (slackMs: number | undefined) => ({ pod: 'web-a', slackMs, proxyLagMs: undefined });
  expect(leastSlackMs([stop(300), stop(undefined), stop(-20), stop(5)])).toBe(-20);
  expect(leastSlackMs([stop(undefined)])).toBeUndefined();
});
