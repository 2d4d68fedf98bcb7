// What the tests of the Go implementation assert with their demo adapter, and what they leave open.

import {
  EMPLOYER_ADAPTER_ANNOTATION,
  EMPLOYER_CLEAN_FINALIZER,
  EXPECTED_FINALIZERS_RECORD_ANNOTATION,
  LIFECYCLE_FINALIZERS_RECORD_ANNOTATION,
} from '@kuperator/api';
import { expectedFinalizersOf } from '@kuperator/lifecycle';
import { TerminalError } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import type { Adapter } from './adapter.ts';
import { DemoBalancer, demoAdapter } from './test/demo-adapter.ts';
import { World } from './test/world.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const expected = { 'Service/default/nginx': finalizer };

function demo(more: Partial<Adapter> = {}) {
  const balancer = new DemoBalancer();
  const world = new World(demoAdapter(balancer, more));
  return { balancer, world };
}

const recording = { records: { expectedFinalizers: true, lifecycleFinalizers: true } };
const annotation = (world: World, key: string) => world.service()?.metadata.annotations?.[key];

test('a Service with the old clean finalizer gets the new one and loses the old one (T89)', async () => {
  const { world } = demo({ takesOverFromGo: () => true });
  world.addService({ finalizers: ['resource-consist.kusionstack.io/clean-nginx'] });
  await world.rest();
  expect(world.service()?.metadata.finalizers).toEqual([EMPLOYER_CLEAN_FINALIZER]);
});

test('the clean finalizer is stored before anything is created at the provider', async () => {
  const { balancer, world } = demo();
  world.cluster.failWrite({ resource: 'services', error: { status: 500, reason: 'InternalError' }, times: 3 });
  world.addService();
  await world.rest(20);
  expect(balancer.calls).toBe(0);
  expect(world.events[0]).toMatch(
    /^Warning EnsureEmployerCleanFinalizerFailed: ensure employer clean finalizer failed: /,
  );
  await world.rest(5000);
  expect(balancer.vips.size).toBe(1);
  expect(world.events.at(-1)).toBe(
    'Normal EnsureEmployerCleanFinalizerSucceed: ensure employer clean finalizer succeed',
  );
});

test('a conflict on the Service means a stale cache: it is retried and not reported', async () => {
  const { balancer, world } = demo();
  world.cluster.failWrite({ resource: 'services', error: { status: 409, reason: 'Conflict' } });
  world.addService();
  await world.rest();
  expect(balancer.vips.size).toBe(1);
  expect(world.events).toEqual(['Normal EnsureEmployerCleanFinalizerSucceed: ensure employer clean finalizer succeed']);
});

test('the employer record is created, and differences are corrected after any Service event', async () => {
  const { balancer, world } = demo();
  world.addService();
  await world.rest();
  expect([...balancer.vips.values()]).toEqual([{ id: 'vip-nginx', qps: 100 }]);
  balancer.vips.set('vip-nginx', { id: 'vip-nginx', qps: 200 });
  world.changeService((service) => ({ ...service, metadata: { ...service.metadata, annotations: { touched: '1' } } }));
  await world.rest();
  expect(balancer.vips.get('vip-nginx')).toEqual({ id: 'vip-nginx', qps: 100 });
});

test('deleting a Service removes its records while another finalizer holds it, and then the Service', async () => {
  const { balancer, world } = demo();
  world.addService({ finalizers: ['other'] });
  await world.rest();
  await world.delete('Service', 'nginx');
  expect(balancer.vips.size).toBe(0);
  expect(world.service()?.metadata.finalizers).toEqual(['other']);
  world.changeService((service) => ({ ...service, metadata: { ...service.metadata, finalizers: [] } }));
  await world.rest();
  expect(world.service()).toBeUndefined();
});

test('a ready Pod gets a real server with traffic on, then exactly the finalizer of the Service', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  expect(balancer.servers.get('a')).toMatchObject({ trafficOn: true, weight: 100 });
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  expect(expectedFinalizersOf(world.pod())).toEqual(expected);
});

test('a Pod created not ready gets a real server without traffic, and no finalizer', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod({ ready: false });
  await world.rest();
  expect(balancer.servers.get('a')).toMatchObject({ trafficOn: false, weight: 0 });
  expect(world.pod().metadata.finalizers).toEqual([]);
});

test('with service-ready False, traffic is turned off and then the finalizer removed; with True, both return', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  world.setReady(false);
  await world.rest();
  expect(balancer.servers.get('a')).toMatchObject({ trafficOn: false, weight: 0 });
  expect(world.pod().metadata.finalizers).toEqual([]);
  world.setReady(true);
  await world.rest();
  expect(balancer.servers.get('a')).toMatchObject({ trafficOn: true, weight: 100 });
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('deleting the Pod removes its real server and completes; deleting the Service then removes its VIP', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  await world.delete('Pod', 'a');
  await world.rest();
  expect(world.hasPod()).toBe(false);
  expect(balancer.servers.size).toBe(0);
  await world.delete('Service', 'nginx');
  expect(world.service()).toBeUndefined();
  expect(balancer.vips.size).toBe(0);
});

test.each([
  { ready: true },
  { ready: false },
])('deleting a Service with a Pod (ready: $ready) removes everything, and the Pod can be deleted', async ({
  ready,
}) => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod({ ready });
  await world.rest();
  await world.delete('Service', 'nginx');
  await world.rest();
  expect(world.service()).toBeUndefined();
  expect(balancer.vips.size + balancer.servers.size).toBe(0);
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(expectedFinalizersOf(world.pod())).toEqual({});
  await world.delete('Pod', 'a');
  expect(world.hasPod()).toBe(false);
});

test('a Service that opts out is cleaned up like a deleted one, but stays', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  world.changeService((service) => ({ ...service, metadata: { ...service.metadata, labels: {} } }));
  await world.rest();
  expect(balancer.vips.size + balancer.servers.size).toBe(0);
  expect(world.service()?.metadata.finalizers).toEqual([]);
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(world.events.at(-1)).toBe('Normal CleanEmployerCleanFinalizerSucceed: clean employer clean finalizer succeed');
});

test('the provider is not called for a Service that never opted in', async () => {
  const { balancer, world } = demo();
  world.addService({ labels: {} });
  world.addPod();
  await world.rest();
  expect(balancer.calls).toBe(0);
  expect(world.podWrites).toBe(0);
});

test('an error while the VIP is created is reported in an Event and in the adapter’s own record, which is cleared afterwards', async () => {
  const recorded: (string | undefined)[] = [];
  const { balancer, world } = demo({
    recordError: async (_service, message) => {
      if (recorded.at(-1) !== message) recorded.push(message);
    },
  });
  balancer.broken.add('createVip');
  world.addService();
  await world.rest();
  expect(world.events).toContain('Warning SyncEmployerFailed: sync employer failed: syncCreate failed, err: fake err');
  expect(recorded).toEqual(['syncCreate failed, err: fake err']);
  // It took effect nevertheless: the next pass finds it there.
  balancer.vips.set('vip-nginx', { id: 'vip-nginx', qps: 100 });
  await world.rest(5000);
  expect(recorded).toEqual(['syncCreate failed, err: fake err', undefined]);
});

test('an error while real servers are created is reported in an Event, and ends when the real servers appear by themselves', async () => {
  const { balancer, world } = demo();
  balancer.broken.add('createServers');
  world.addService();
  world.addPod();
  await world.rest();
  expect(world.events).toContain(
    'Warning SyncEmployeesFailed: sync employees failed: syncCreate failed, err: fake err',
  );
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(expectedFinalizersOf(world.pod())).toEqual(expected);
  balancer.servers.set('a', { id: 'a', podName: 'a', ip: '10.0.0.1', trafficOn: true, weight: 100 });
  await world.rest(5000);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('an error that only the user can resolve is reported and not retried', async () => {
  const { world } = demo({
    traffic: {
      employees: {
        expected: () => [],
        current: () => {
          throw new TerminalError('no such load balancer');
        },
        create: async () => undefined,
        update: async () => undefined,
        delete: async () => undefined,
      },
    },
  });
  world.addService();
  await world.rest(10_000);
  // The Service's own event, and that of the clean finalizer on it.
  expect(world.events.filter((event) => event.startsWith('Warning')).length).toBeLessThanOrEqual(2);
});

test('a Pod whose real server is refused stays as it is, and the other Pods get their finalizers', async () => {
  const { balancer, world } = demo();
  balancer.refused.add('a');
  world.addService();
  world.addPod();
  world.addPod({ name: 'b' });
  await world.rest();
  expect(world.pod('a').metadata.finalizers).toEqual([]);
  expect(world.pod('b').metadata.finalizers).toEqual([finalizer]);
  balancer.refused.clear();
  await world.rest(1000);
  expect(world.pod('a').metadata.finalizers).toEqual([finalizer]);
});

test('a refused drain keeps the finalizer', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  balancer.refused.add('a');
  world.setReady(false);
  await world.rest(1000);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('a real server that still drains holds its Pod and its Service until it is gone', async () => {
  const { balancer, world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  balancer.draining.add('a');
  await world.delete('Service', 'nginx');
  await world.rest(1000);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  expect(world.service()?.metadata.finalizers).toEqual([EMPLOYER_CLEAN_FINALIZER]);
  balancer.draining.clear();
  await world.rest();
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(world.service()).toBeUndefined();
});

test('a Pod that its Service no longer selects loses key, finalizer and real server, and gets them back when it is selected again (T87)', async () => {
  const { balancer, world } = demo(recording);
  world.addService();
  world.addPod();
  await world.rest();
  expect(annotation(world, EXPECTED_FINALIZERS_RECORD_ANNOTATION)).toBe('a');
  expect(annotation(world, LIFECYCLE_FINALIZERS_RECORD_ANNOTATION)).toBe('a');
  world.relabel({ app: 'other' });
  await world.rest();
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(expectedFinalizersOf(world.pod())).toEqual({});
  expect(balancer.servers.size).toBe(0);
  expect(annotation(world, LIFECYCLE_FINALIZERS_RECORD_ANNOTATION)).toBeUndefined();
  world.relabel({ app: 'nginx' });
  await world.rest();
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  expect(expectedFinalizersOf(world.pod())).toEqual(expected);
  expect(balancer.servers.has('a')).toBe(true);
});

test('a real server that another client removed does not keep marks on a relabelled Pod (T87)', async () => {
  const { balancer, world } = demo(recording);
  world.addService();
  world.addPod();
  await world.rest();
  balancer.servers.clear();
  world.relabel({ app: 'other' });
  await world.rest();
  expect(world.pod().metadata.finalizers).toEqual([]);
  expect(expectedFinalizersOf(world.pod())).toEqual({});
  expect(annotation(world, LIFECYCLE_FINALIZERS_RECORD_ANNOTATION)).toBeUndefined();
});

test('a record names a Pod as long as the Pod has the finalizer, also while its drain is refused', async () => {
  const { balancer, world } = demo(recording);
  world.addService();
  world.addPod();
  await world.rest();
  balancer.refused.add('a');
  world.setReady(false);
  await world.rest();
  expect(annotation(world, LIFECYCLE_FINALIZERS_RECORD_ANNOTATION)).toBe('a');
});

test('records are kept only on request', async () => {
  const { world } = demo();
  world.addService();
  world.addPod();
  await world.rest();
  expect(Object.keys(world.service()?.metadata.annotations ?? {})).toEqual([EMPLOYER_ADAPTER_ANNOTATION]);
});

test('a Pod that goes out of service while the provider is busy does not count as drained', async () => {
  const balancer = new DemoBalancer();
  const adapter = demoAdapter(balancer);
  if (!('employees' in adapter.traffic)) throw new Error('the demo adapter owns its backend');
  const { employees } = adapter.traffic;
  const provider = Promise.withResolvers<void>();
  const create: typeof employees.create = async (service, servers, pass) => {
    await provider.promise;
    return employees.create(service, servers, pass);
  };
  const world = new World({ ...adapter, traffic: { employees: { ...employees, create } } });
  world.addService();
  world.addPod({ finalizers: [finalizer], expected });
  await world.rest();
  world.setReady(false);
  balancer.broken.add('updateServers');
  provider.resolve();
  await world.rest();
  expect(balancer.servers.get('a')).toMatchObject({ trafficOn: true });
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('the adapter gets the results for its records', async () => {
  const seen: string[][] = [];
  const { world } = demo({
    recordStatuses: async (_service, { employer, employees }) => {
      seen.push([employer.created.length, employees.created.length, employees.unchanged.length].map(String));
    },
  });
  world.addService();
  world.addPod();
  await world.rest();
  expect(seen[0]?.[0]).toBe('1');
  expect(seen.at(-1)).toEqual(['0', '0', '1']);
});
