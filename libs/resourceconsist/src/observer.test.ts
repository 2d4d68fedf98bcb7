import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  CONTROL_LABEL,
  EMPLOYER_ADAPTER_ANNOTATION,
  PODS,
  type Pod,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
} from '@kuperator/api';
import { expectedFinalizersOf } from '@kuperator/lifecycle';
import { expect, test } from 'vitest';
import { type Adapter, SERVICE_EMPLOYERS, type TrafficOf } from './adapter.ts';
import { World } from './test/world.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const deletionTimestamp = '2026-01-01T00:00:00Z';
const expected = { 'Service/default/nginx': finalizer };

/** A backend that another controller moves: the names of the Pods to which it sends traffic. */
function observed(serving: Set<string>, more: Partial<Adapter> = {}) {
  const adapter: Adapter = {
    name: 'observer',
    employers: SERVICE_EMPLOYERS,
    traffic: {
      observe:
        () =>
        ({ metadata }) =>
          serving.has(metadata.name ?? '') ? 'on' : 'off',
    },
    ...more,
  };
  const world = new World(adapter);
  /** The backend moves, and whatever the adapter watches it by says so. */
  const move = async (...names: string[]) => {
    serving.clear();
    for (const name of names) serving.add(name);
    world.controller.enqueue('default/nginx');
    await world.rest();
  };
  return { world, move };
}

const marksOf = (pod: Pod) => ({ finalizers: pod.metadata.finalizers ?? [], expected: expectedFinalizersOf(pod) });

test('a Pod is announced at once and marked when traffic is on, with one write each', async () => {
  const { world, move } = observed(new Set());
  world.addService();
  world.addPod({ ready: false });
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected });
  expect(world.podWrites).toBe(1);
  world.setReady(true);
  await world.rest();
  expect(world.podWrites).toBe(1);
  await move('a');
  expect(marksOf(world.pod())).toEqual({ finalizers: [finalizer], expected });
  expect(world.pod().metadata.labels).toHaveProperty(SERVICE_AVAILABLE_LABEL);
  expect(world.podWrites).toBe(2);
  world.controller.enqueue('default/nginx');
  await world.rest();
  expect(world.podWrites).toBe(2);
  expect(world.traffic.map(({ traffic, employer }) => [traffic, employer])).toEqual([['on', 'Service/default/nginx']]);
});

test('a Pod that other clients write at the same time is announced without a conflict', async () => {
  const { world } = observed(new Set());
  world.addService();
  world.pods.pause();
  world.addPod({ ready: false });
  world.pods.resume();
  world.pods.pause();
  world.relabel({ app: 'nginx', scheduled: 'yes' });
  await world.rest();
  expect(marksOf(world.pod()).expected).toEqual(expected);
  expect(world.pod().metadata.labels).toMatchObject({ scheduled: 'yes' });
  expect(world.podWrites).toBe(1);
  world.pods.resume();
});

test('an announcement by another employer in between is not lost', async () => {
  const { world } = observed(new Set());
  world.addService();
  world.addPod({ ready: false, expected: {} });
  world.pods.pause();
  const other = { 'Pool/default/other': 'prot.podopslifecycle.kusionstack.io/o' };
  world.cluster.change(PODS, 'default/a', (pod) => ({
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: JSON.stringify({ expectedFinalizers: other }) },
    },
  }));
  await world.rest();
  expect(marksOf(world.pod()).expected).toEqual(other);
  world.pods.resume();
  await world.rest();
  expect(marksOf(world.pod()).expected).toEqual({ ...other, ...expected });
});

test('a Pod that goes out of service keeps the finalizer until traffic is off, and the write that removes it grants operate', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService();
  const preparing = {
    [stageLabel('operating', 'collaset')]: '1',
    [stageLabel('operation-type', 'collaset')]: 'update',
    [stageLabel('pre-checked', 'collaset')]: '1',
    [stageLabel('preparing', 'collaset')]: '1',
    'operation-permission.podopslifecycle.kusionstack.io/update': '1',
  };
  world.addPod({ labels: preparing, finalizers: [finalizer], expected, ready: false });
  await world.rest();
  expect(marksOf(world.pod()).finalizers).toEqual([finalizer]);
  expect(world.podWrites).toBe(0);
  await move();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected });
  expect(world.pod().metadata.labels).toHaveProperty([stageLabel('operate', 'collaset')]);
  expect(world.podWrites).toBe(1);
});

test('an observer changes its Service only once, to record that it guards the Pods', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod();
  await world.rest();
  expect(world.service()?.metadata.finalizers).toEqual([]);
  const written = world.cluster.writes.filter(({ resource }) => resource === 'services');
  expect(written).toHaveLength(1);
  expect(world.service()?.metadata.annotations).toHaveProperty([EMPLOYER_ADAPTER_ANNOTATION]);
});

test('a Pod that its Service no longer selects loses key and finalizer once its traffic is off (T87)', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  world.relabel({ app: 'other' });
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [finalizer], expected });
  await move();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
  expect(world.podWrites).toBe(1);
});

test('a changed selector releases the Pods that it no longer selects (T87)', async () => {
  const { world } = observed(new Set());
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  world.changeService((service) => ({ ...service, spec: { selector: { app: 'other' } } }));
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
});

test('an empty selector selects nothing', async () => {
  const { world } = observed(new Set());
  world.addService({ selector: {} });
  world.addPod();
  await world.rest();
  expect(world.podWrites).toBe(0);
});

test('a terminating Pod is neither announced nor given the finalizer', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod({ deletionTimestamp, finalizers: ['keep'] });
  await world.rest();
  expect(world.podWrites).toBe(0);
});

test('a deleted Pod is released when its traffic is off', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  await world.delete('Pod', 'a');
  expect(world.hasPod()).toBe(true);
  expect(marksOf(world.pod()).finalizers).toEqual([finalizer]);
  await move();
  expect(world.hasPod()).toBe(false);
});

test('a deleted Service releases its Pods', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: ['keep', finalizer], expected });
  await world.rest();
  await world.delete('Service', 'nginx');
  await world.rest();
  expect(world.service()).toBeUndefined();
  expect(marksOf(world.pod())).toEqual({ finalizers: ['keep'], expected: {} });
});

test('a Service that was gone before the start is found by the marks on its Pods', async () => {
  const { world } = observed(new Set(['a']));
  world.addPod({ finalizers: [finalizer], expected });
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
});

test('a Service being deleted keeps the marks while traffic flows', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService({ finalizers: ['other'] });
  world.addPod({ finalizers: [finalizer], expected });
  await world.rest();
  await world.delete('Service', 'nginx');
  expect(marksOf(world.pod())).toEqual({ finalizers: [finalizer], expected });
  await move();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
});

test('a Service that opts out releases its Pods at once, and marks them again when it opts in', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod();
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [finalizer], expected });
  const label = (labels: Record<string, string>) =>
    world.changeService((service) => ({ ...service, metadata: { ...service.metadata, labels } }));
  label({});
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
  label({ [CONTROL_LABEL]: 'true' });
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [finalizer], expected });
});

test('a Pod that opts out loses key and finalizer, although the watch no longer shows it', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  await world.rest();
  world.cluster.change(PODS, 'default/a', (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, labels: { app: 'nginx' } },
  }));
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
  expect(world.pods.get('default/a')).toBeUndefined();
});

test('a Service that the adapter refuses gets one Event and takes no part', async () => {
  const refusal = { reason: 'Unfit', message: 'no gate' };
  const { world } = observed(new Set(['a']), { refuses: () => refusal });
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  await world.rest();
  world.changeService((service) => ({ ...service, spec: { selector: { app: 'other' } } }));
  await world.rest();
  expect(world.events).toEqual(['Warning Unfit: no gate']);
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected: {} });
});

test('an employer of another adapter is not changed, whether or not it has opted in', async () => {
  const { world } = observed(new Set(), { claims: () => false });
  world.addService({ labels: {} });
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest();
  expect(world.podWrites).toBe(0);
});

test('two Services of the same Pod each keep their own key and finalizer, in any order of writes', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addService({ name: 'foo' });
  world.addPod();
  await world.rest(2000);
  expect(marksOf(world.pod())).toEqual({
    finalizers: expect.arrayContaining([finalizer, 'prot.podopslifecycle.kusionstack.io/4cc2f85cedef654f']),
    expected: { ...expected, 'Service/default/foo': 'prot.podopslifecycle.kusionstack.io/4cc2f85cedef654f' },
  });
});

test('a decision on a stale cache is refused and made again on a current one', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod({ expected, ready: false });
  world.setReady(true);
  world.pods.pause();
  await world.rest();
  world.setReady(false);
  world.controller.enqueue('default/nginx');
  await world.rest(2000);
  world.pods.resume();
  await world.rest(2000);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  expect(world.events).toEqual([]);
});

test('a Pod whose annotation cannot be parsed is reported on the Service and does not delay other Pods', async () => {
  const { world } = observed(new Set(['a', 'b']));
  world.addService();
  world.addPod({ expected: 'not json' });
  world.addPod({ name: 'b' });
  await world.rest();
  expect(world.pod('a').metadata.annotations?.[AVAILABLE_CONDITIONS_ANNOTATION]).toBe('not json');
  expect(world.pod('b').metadata.finalizers).toEqual([finalizer]);
  expect(world.events[0]).toMatch(/^Warning SyncEmployeesFailed: sync employees failed: .*not a JSON object/);
});

test('employers of two kinds with the same name get an Event that they share a finalizer', async () => {
  const { world } = observed(new Set(['a']));
  world.addService();
  world.addPod({ expected: { 'Gateway/default/nginx': finalizer } });
  await world.rest();
  expect(world.events.join()).toMatch(/Warning FinalizerShared: .*Gateway\/default\/nginx/);
});

test('a finalizer that an employer of another kind also announces is not removed when the Service no longer needs it', async () => {
  const { world } = observed(new Set());
  world.addService({ labels: {} });
  world.addPod({ finalizers: [finalizer], expected: { ...expected, 'Gateway/default/nginx': finalizer } });
  await world.rest();
  expect(marksOf(world.pod())).toEqual({
    finalizers: [finalizer],
    expected: { 'Gateway/default/nginx': finalizer },
  });
});

test.each([
  { name: 'is slow to answer', answer: () => new Promise<TrafficOf>(() => {}) },
  { name: 'fails to answer', answer: () => Promise.reject<TrafficOf>(new Error('unreachable')) },
])('a Pod is announced even if the provider $name', async ({ answer }) => {
  const { world } = observed(new Set(), { traffic: { observe: answer } });
  world.addService();
  world.addPod();
  await world.rest();
  expect(marksOf(world.pod())).toEqual({ finalizers: [], expected });
});

test('an observer that asks for rechecks gets them with growing delays, until the Pods are settled', async () => {
  let asked = 0;
  const serving = new Set<string>();
  const { world } = observed(serving, {
    recheckMs: [1000, 4000],
    traffic: {
      observe: () => {
        asked++;
        return ({ metadata }) => (serving.has(metadata.name ?? '') ? 'on' : 'off');
      },
    },
  });
  world.addService();
  world.addPod({ expected });
  await world.rest();
  const atFirst = asked;
  await world.rest(1000);
  expect(asked).toBe(atFirst + 1);
  await world.rest(2000);
  expect(asked).toBe(atFirst + 1);
  await world.rest(2000);
  expect(asked).toBe(atFirst + 2);
  serving.add('a');
  await world.rest(4000);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  const settled = asked;
  await world.rest(20_000);
  expect(asked).toBe(settled);
});

test('an error of an observer is reported on the Service, and no Pod is released meanwhile', async () => {
  const { world } = observed(new Set(), {
    traffic: {
      observe: () => {
        throw new Error('unreachable');
      },
    },
  });
  world.addService();
  world.addPod({ finalizers: [finalizer], expected, ready: false });
  await world.rest();
  expect(world.podWrites).toBe(0);
  expect(world.events[0]).toBe('Warning GetCurrentEmployeesFailed: get current employees failed: unreachable');
});

test('no finalizer changes while the caches may be stale; the employer reports it, and work continues by itself', async () => {
  const { world, move } = observed(new Set(['a']));
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  world.addPod({ name: 'b', expected });
  await world.rest();
  world.pods.setCurrent(false);
  world.setReady(false);
  await move('b');
  expect([world.pod().metadata.finalizers, world.pod('b').metadata.finalizers]).toEqual([[finalizer], []]);
  await world.rest(3000);
  expect(world.events.filter((event) => event.includes('CacheNotCurrent'))).toEqual([
    'Warning CacheNotCurrent: observer cannot tell whether its cache of pods is current: Pods wait until it can',
  ]);
  world.pods.setCurrent(true);
  await world.rest(1200);
  expect([world.pod().metadata.finalizers, world.pod('b').metadata.finalizers]).toEqual([[], [finalizer]]);
});
