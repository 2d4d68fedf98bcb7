import { expect, test } from 'vitest';
import { sliceChangesOf } from './evidence.ts';

type Endpoints = Readonly<Record<string, boolean | undefined>>;

/** An EndpointSlice as it was written at second `at`. An endpoint is ready, not ready, or has no condition. */
function written(at: number, endpoints: Endpoints, { uid = 'a', code = 200 } = {}) {
  return {
    stageTimestamp: new Date(at * 1000).toISOString(),
    responseStatus: { code },
    responseObject: {
      kind: 'EndpointSlice',
      metadata: { uid },
      endpoints: Object.entries(endpoints).map(([ip, ready]) => ({
        addresses: [ip],
        conditions: ready === undefined ? {} : { ready },
      })),
    },
  };
}

test.each([
  { name: 'an endpoint that is ready', before: {}, after: { '10.88.0.10': true }, ready: true },
  { name: 'an endpoint without a condition', before: {}, after: { '10.88.0.10': undefined }, ready: true },
  {
    name: 'an endpoint that is no longer ready',
    before: { '10.88.0.10': true },
    after: { '10.88.0.10': false },
    ready: false,
  },
  { name: 'an endpoint that is gone', before: { '10.88.0.10': true }, after: {}, ready: false },
])('finds $name', ({ before, after, ready }) => {
  const changes = sliceChangesOf([written(1, before), written(2, after)]);
  expect(changes.filter(({ atMs }) => atMs === 2_000)).toEqual([{ atMs: 2_000, ip: '10.88.0.10', ready }]);
});

test('a write that was refused changes nothing', () => {
  const events = [
    written(1, { '10.88.0.10': true }),
    written(2, {}, { code: 409 }),
    written(3, { '10.88.0.10': true }),
  ];
  expect(sliceChangesOf(events)).toHaveLength(1);
});

test('each slice is compared with its own earlier version', () => {
  const events = [written(1, { '10.88.0.10': true }), written(2, { '10.88.0.11': true }, { uid: 'b' })];
  expect(sliceChangesOf(events).map(({ ip, ready }) => [ip, ready])).toEqual([
    ['10.88.0.10', true],
    ['10.88.0.11', true],
  ]);
});
