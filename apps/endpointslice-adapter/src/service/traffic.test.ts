import type { Endpoint, EndpointSlice } from '@kuperator/api';
import { aPod } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { trimSlice } from './slices.ts';
import { trafficIn } from './traffic.ts';

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
  { name: 'listed without saying whether ready', slices: [aSlice({ ...toPod, conditions: {} })], traffic: 'on' },
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
  { name: 'an endpoint that is no Pod', slices: [aSlice({ conditions: { ready: true } })], traffic: 'off' },
])('$name: $traffic', ({ slices, traffic }) => {
  expect(trafficIn(slices)(pod)).toBe(traffic);
  expect(trafficIn(slices.map(trimSlice))(pod)).toBe(traffic);
});

test('a cached slice keeps whose it is, whom it lists and whether as ready, and nothing else', () => {
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
