// What an observer sees counts only after it has been so for the hold: proxies and balancers follow it with a delay.

import { PODS, SERVICE_AVAILABLE_LABEL, stageLabel, TRAFFIC_OFF_HOLD_ANNOTATION } from '@kuperator/api';
import { expect, test } from 'vitest';
import { type Adapter, SERVICE_EMPLOYERS } from './adapter.ts';
import { World } from './test/world.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const fooFinalizer = 'prot.podopslifecycle.kusionstack.io/4cc2f85cedef654f';
const expected = { 'Service/default/nginx': finalizer };
const preparing = {
  [stageLabel('operating', 'collaset')]: '1',
  [stageLabel('operation-type', 'collaset')]: 'update',
  [stageLabel('pre-checked', 'collaset')]: '1',
  [stageLabel('preparing', 'collaset')]: '1',
  'operation-permission.podopslifecycle.kusionstack.io/update': '1',
};

function observed(serving: Set<string>, hold = { onMs: 1000, offMs: 1500 }) {
  const adapter: Adapter = {
    name: 'observer',
    employers: SERVICE_EMPLOYERS,
    traffic: {
      observe:
        () =>
        ({ metadata }) =>
          serving.has(metadata.name ?? '') ? 'on' : 'off',
    },
  };
  const world = new World(adapter, { hold, backoff: { baseMs: 60_000, maxMs: 60_000 } });
  /** The backend moves, and whatever the adapter watches it by says so. */
  const move = async (...names: string[]) => {
    serving.clear();
    for (const name of names) serving.add(name);
    world.controller.enqueue('default/nginx');
    await world.rest(20);
  };
  const finalizersOf = (name = 'a') => world.pod(name).metadata.finalizers ?? [];
  return { world, move, finalizersOf };
}

test('a Pod is released as soon as it has been out of traffic for the hold time', async () => {
  const { world, move, finalizersOf } = observed(new Set(['a']));
  world.addService();
  world.addPod({ labels: preparing, finalizers: [finalizer], expected, ready: false });
  await world.rest(5000);
  await move();
  await world.rest(1400);
  expect(finalizersOf()).toEqual([finalizer]);
  expect(world.pod().metadata.labels).not.toHaveProperty([stageLabel('operate', 'collaset')]);
  await world.rest(100);
  expect(finalizersOf()).toEqual([]);
  expect(world.pod().metadata.labels).toHaveProperty([stageLabel('operate', 'collaset')]);
  expect(world.podWrites).toBe(1);
});

test('a Pod is available once it has been in traffic for the hold time, but is announced at once', async () => {
  const { world, move, finalizersOf } = observed(new Set());
  world.addService();
  world.addPod();
  await world.rest(5000);
  expect(world.podWrites).toBe(1);
  await move('a');
  await world.rest(900);
  expect(finalizersOf()).toEqual([]);
  expect(world.pod().metadata.labels).not.toHaveProperty(SERVICE_AVAILABLE_LABEL);
  await world.rest(200);
  expect(finalizersOf()).toEqual([finalizer]);
  expect(world.pod().metadata.labels).toHaveProperty(SERVICE_AVAILABLE_LABEL);
  expect(world.podWrites).toBe(2);
});

test('traffic that returns for a moment restarts the hold', async () => {
  const { world, move, finalizersOf } = observed(new Set());
  world.addService();
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest(1400);
  await move('a');
  await move();
  await world.rest(1400);
  expect(finalizersOf()).toEqual([finalizer]);
  await world.rest(200);
  expect(finalizersOf()).toEqual([]);
});

test('traffic that comes and goes between two passes restarts the hold if the adapter reports it', async () => {
  const { world, finalizersOf } = observed(new Set());
  world.addService();
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest(1400);
  world.heldTraffic.noticed('default/nginx', 'uid-a', 'on');
  world.heldTraffic.noticed('default/nginx', 'uid-a', 'off');
  await world.rest(1400);
  expect(finalizersOf()).toEqual([finalizer]);
  await world.rest(200);
  expect(finalizersOf()).toEqual([]);
});

test('an adapter that has just started waits for the whole hold, however long traffic has been off', async () => {
  const { world, finalizersOf } = observed(new Set());
  await world.rest(60_000);
  world.addService();
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest(1400);
  expect(finalizersOf()).toEqual([finalizer]);
  await world.rest(200);
  expect(finalizersOf()).toEqual([]);
});

test('a Pod that has long been out of traffic is released at once when the coordinator asks', async () => {
  const { world, finalizersOf } = observed(new Set());
  world.addService();
  world.addPod({ expected, ready: false });
  await world.rest(2000);
  world.cluster.change(PODS, 'default/a', (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, finalizers: [finalizer] },
  }));
  await world.rest(20);
  expect(finalizersOf()).toEqual([]);
});

test('two Services each hold the Pod for their own time', async () => {
  const serving = new Set<string>();
  const { world, finalizersOf } = observed(serving);
  world.addService();
  world.addService({ name: 'foo', annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: '6s' } });
  const both = { ...expected, 'Service/default/foo': fooFinalizer };
  world.addPod({ finalizers: [finalizer, fooFinalizer], expected: both, labels: preparing, ready: false });
  await world.rest(1600);
  expect(finalizersOf()).toEqual([fooFinalizer]);
  await world.rest(4300);
  expect(finalizersOf()).toEqual([fooFinalizer]);
  expect(world.pod().metadata.labels).not.toHaveProperty([stageLabel('operate', 'collaset')]);
  await world.rest(200);
  expect(finalizersOf()).toEqual([]);
  expect(world.pod().metadata.labels).toHaveProperty([stageLabel('operate', 'collaset')]);
});

test('a Pod that its Service no longer selects keeps both marks for the hold time', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  world.relabel({ app: 'other' });
  await world.rest(20);
  await move();
  await world.rest(1400);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  await world.rest(200);
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(world.podWrites).toBe(1);
});

test('a deleted Pod is held as well', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  await world.rest(20);
  await world.delete('Pod', 'a');
  await move();
  await world.rest(1400);
  expect(world.hasPod()).toBe(true);
  await world.rest(200);
  expect(world.hasPod()).toBe(false);
});

test('another Pod that cannot be written does not delay the end of the hold', async () => {
  const { world, move, finalizersOf } = observed(new Set(['a']));
  world.addService();
  world.addPod({ name: 'b', expected: 'not json' });
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest(20);
  await move();
  await world.rest(1600);
  expect(finalizersOf()).toEqual([]);
});

test('an invalid hold is reported on the Service once, and again if it changes', async () => {
  const annotate = (value: string) =>
    world.changeService((service) => ({
      ...service,
      metadata: { ...service.metadata, annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: value } },
    }));
  const { world, finalizersOf } = observed(new Set());
  world.addService({ annotations: { [TRAFFIC_OFF_HOLD_ANNOTATION]: 'soon' } });
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest(1600);
  expect(finalizersOf()).toEqual([]);
  for (const value of ['soon', '6s', 'later']) {
    annotate(value);
    await world.rest();
  }
  const told = world.events.filter((event) => event.includes('InvalidTrafficHold'));
  expect(told.map((event) => event.slice(0, event.indexOf(':', 30)))).toEqual([
    `Warning InvalidTrafficHold: annotation ${TRAFFIC_OFF_HOLD_ANNOTATION} is "soon"`,
    `Warning InvalidTrafficHold: annotation ${TRAFFIC_OFF_HOLD_ANNOTATION} is "later"`,
  ]);
});

test('Pods that wait for nothing wake no pass', async () => {
  const { world } = observed(new Set());
  world.addService();
  world.addPod({ expected, ready: false });
  await world.rest(20);
  expect(world.clock.timers).toBe(1);
});
