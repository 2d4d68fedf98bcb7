import type { Endpoint, EndpointSlice } from '@kuperator/api';
import type { Change } from '@kuperator/runtime';
import { aPod } from '@kuperator/testing';
import { expect, test } from 'vitest';

import { trafficIn, trimSlice, turnedBy } from './endpoint-slices.ts';

const pod = aPod({ metadata: { name: 'a', uid: 'uid-a' } });

function aSlice(...endpoints: Partial<Endpoint>[]): EndpointSlice {
  return {
    metadata: {
      name: 'web-x',
      namespace: 'default',
      uid: 'uid-slice',
      resourceVersion: '5',
      labels: { 'kubernetes.io/service-name': 'web', other: 'x' },
    },
    addressType: 'IPv4',
    endpoints: endpoints.map((endpoint) => ({ addresses: ['10.0.0.1'], nodeName: 'n', ...endpoint })),
    ports: [{ port: 80 }],
  };
}

const toPod = { targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' } };

test.each([
  { name: 'no slice', slices: [], traffic: 'off' },
  { name: 'a placeholder without endpoints', slices: [{ ...aSlice(), endpoints: null }], traffic: 'off' },
  { name: 'listed as ready', slices: [aSlice({ ...toPod, conditions: { ready: true } })], traffic: 'on' },
  { name: 'listed without a ready condition', slices: [aSlice({ ...toPod, conditions: {} })], traffic: 'on' },
  { name: 'listed without conditions', slices: [aSlice(toPod)], traffic: 'on' },
  { name: 'listed as not ready', slices: [aSlice({ ...toPod, conditions: { ready: false } })], traffic: 'off' },
  {
    name: 'terminating but still serving',
    slices: [aSlice({ ...toPod, conditions: { ready: false, serving: true, terminating: true } })],
    traffic: 'off',
  },
  {
    name: 'listed as ready by one of two address families',
    slices: [aSlice({ ...toPod, conditions: { ready: false } }), aSlice({ ...toPod, conditions: { ready: true } })],
    traffic: 'on',
  },
  {
    name: 'a former Pod of the same name is listed',
    slices: [aSlice({ targetRef: { ...toPod.targetRef, uid: 'uid-former' }, conditions: { ready: true } })],
    traffic: 'off',
  },
  { name: 'an endpoint that is not a Pod', slices: [aSlice({ conditions: { ready: true } })], traffic: 'off' },
])('$name: $traffic', ({ slices, traffic }) => {
  expect(trafficIn(slices)(pod)).toBe(traffic);
  expect(trafficIn(slices.map(trimSlice))(pod)).toBe(traffic);
});

test('a cached slice keeps its Service, its endpoints and their readiness, and nothing else', () => {
  expect(trimSlice(aSlice({ ...toPod, conditions: { ready: false, serving: true } }))).toEqual({
    metadata: {
      name: 'web-x',
      namespace: 'default',
      uid: 'uid-slice',
      resourceVersion: '5',
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [], conditions: { ready: false }, targetRef: { uid: 'uid-a' } }],
  });
});

const endpoint = (uid: string, ready: boolean) => ({ targetRef: { ...toPod.targetRef, uid }, conditions: { ready } });

test.each([
  { name: 'added', old: undefined, now: aSlice(endpoint('a', true), endpoint('b', false)), turned: [['a', 'on']] },
  {
    name: 'one Pod is no longer ready, another one is now',
    old: aSlice(endpoint('a', true), endpoint('b', false)),
    now: aSlice(endpoint('a', false), endpoint('b', true)),
    turned: [
      ['a', 'off'],
      ['b', 'on'],
    ],
  },
  {
    name: 'a change without effect on traffic',
    old: aSlice(endpoint('a', true)),
    now: aSlice(endpoint('a', true)),
    turned: [],
  },
  {
    name: 'still listed as ready by another slice',
    old: aSlice(endpoint('a', true)),
    now: aSlice(),
    other: aSlice(endpoint('a', true)),
    turned: [['a', 'on']],
  },
])('the change of a slice changes traffic: $name', ({ old, now, other, turned }) => {
  const type = old ? ('updated' as const) : ('added' as const);
  const change = { type, key: 'default/web-x' as const, object: now, ...(old ? { old } : {}) };
  expect(turnedBy(change as Change<EndpointSlice>, () => [now, ...(other ? [other] : [])])).toEqual(turned);
});

test('the deletion of a slice ends its traffic', () => {
  const object = aSlice(endpoint('a', true));
  const change = { type: 'deleted', key: 'default/web-x', object, old: object } as Change<EndpointSlice>;
  expect(turnedBy(change, () => [])).toEqual([['a', 'off']]);
});
