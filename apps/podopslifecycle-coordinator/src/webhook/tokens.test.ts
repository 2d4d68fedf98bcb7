import { expect, test } from 'vitest';
import { acceptedOf, isToken, newToken, PathGate, pathOf, ROUTES, rotated, type Tokens } from './tokens.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const OTHER = newToken();
const given: Tokens = { current: newToken(), changedMs: NOW_MS };

test('a token is kept for a day', () => {
  expect(rotated(given, NOW_MS + 23 * HOUR_MS)).toBe(given);
});

test('a new token is accepted an hour before it is used, and the former one for an hour after', () => {
  const announced = rotated(given, NOW_MS + 24 * HOUR_MS, () => OTHER);
  expect(announced).toEqual({ current: given.current, next: OTHER, changedMs: NOW_MS + 24 * HOUR_MS });
  expect(acceptedOf(announced)).toEqual([given.current, OTHER]);
  expect(rotated(announced, announced.changedMs + HOUR_MS - 1)).toBe(announced);
  const used = rotated(announced, announced.changedMs + HOUR_MS);
  expect(used).toEqual({ current: OTHER, former: given.current, changedMs: NOW_MS + 25 * HOUR_MS });
  expect(acceptedOf(used)).toEqual([OTHER, given.current]);
  expect(rotated(used, used.changedMs + HOUR_MS - 1)).toBe(used);
  expect(rotated(used, used.changedMs + HOUR_MS)).toEqual({ current: OTHER, changedMs: NOW_MS + 26 * HOUR_MS });
});

test('a time written by a clock far ahead does not stop the rotation', () => {
  const ahead = { ...given, next: OTHER, changedMs: NOW_MS + 1000 * HOUR_MS };
  expect(rotated(ahead, NOW_MS)).toEqual({ ...ahead, changedMs: NOW_MS });
});

test('every new token is different', () => {
  const tokens = Array.from({ length: 100 }, () => rotated(undefined, NOW_MS).current);
  expect(tokens.every(isToken)).toBe(true);
  expect(new Set(tokens).size).toBe(100);
});

test('only the whole path of an accepted token leads to a route', () => {
  const gate = new PathGate();
  const token = newToken();
  expect(gate.routeOf(pathOf(token, 'pod-deletions'))).toBeUndefined();
  gate.use([token, OTHER]);
  for (const route of ROUTES) {
    expect([token, OTHER].map((each) => gate.routeOf(pathOf(each, route)))).toEqual([route, route]);
    const path = pathOf(token, route);
    const wrong = [`/${route}`, `/${token}/${route}`, path.slice(1), `${path}/`, `/x${path}`, path.toUpperCase(), ''];
    expect(wrong.map((each) => gate.routeOf(each))).toEqual(wrong.map(() => undefined));
  }
  gate.use([OTHER]);
  expect(gate.routeOf(pathOf(token, 'pod-deletions'))).toBeUndefined();
});

test('the path of one route does not reveal that of another', () => {
  const token = newToken();
  const gate = new PathGate();
  gate.use([token]);
  const [, secret = ''] = pathOf(token, 'pod-creations').split('/');
  expect(gate.routeOf(`/${secret}/pod-deletions`)).toBeUndefined();
  expect(gate.routeOf(pathOf(secret, 'pod-deletions'))).toBeUndefined();
});
