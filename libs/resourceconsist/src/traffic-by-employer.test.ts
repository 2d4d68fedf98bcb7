// An adapter that observes the traffic of some employers and moves that of others.

import { EMPLOYER_ADAPTER_ANNOTATION, EMPLOYER_CLEAN_FINALIZER, type Service } from '@kuperator/api';
import { expect, test } from 'vitest';
import { type Adapter, type AdapterPass, backendOf } from './adapter.ts';
import { DemoBalancer, demoAdapter } from './test/demo-adapter.ts';
import { World } from './test/world.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const MOVED = 'moved';

function mixed(more: Partial<Adapter> = {}) {
  const balancer = new DemoBalancer();
  const demo = demoAdapter(balancer);
  const backend = backendOf(demo);
  if (!backend) throw new Error('the demo adapter has a backend');
  const observed: string[] = [];
  let warning: string | undefined;
  const world = new World({
    ...demo,
    traffic: {
      backend,
      observer: {
        observe(service: Service, pods, pass: AdapterPass) {
          observed.push(service.metadata.name ?? '');
          if (warning) pass.warn('Slow', warning);
          return (pod) => (pods.includes(pod) ? 'on' : 'off');
        },
      },
      movesTrafficOf: (service: Service) => service.metadata.annotations?.mode === MOVED,
    },
    ...more,
  });
  const setMode = (mode: string) =>
    world.changeService((service) => ({
      ...service,
      metadata: { ...service.metadata, annotations: { ...service.metadata.annotations, mode } },
    }));
  const warn = (message: string | undefined) => {
    warning = message;
    world.controller.enqueue('default/nginx');
  };
  return { balancer, world, observed, setMode, warn };
}

test('an observed employer gets no clean finalizer and no records', async () => {
  const { balancer, world, observed } = mixed();
  world.addService();
  world.addPod();
  await world.rest();
  expect(world.service()?.metadata.finalizers).toEqual([]);
  expect(balancer.calls).toBe(0);
  expect(observed).toContain('nginx');
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('a moved employer is not observed', async () => {
  const { balancer, world, observed } = mixed();
  world.addService({ annotations: { mode: MOVED } });
  world.addPod();
  await world.rest();
  expect(world.service()?.metadata.finalizers).toEqual([EMPLOYER_CLEAN_FINALIZER]);
  expect(balancer.servers.has('a')).toBe(true);
  expect(observed).toEqual([]);
});

test('an employer that is no longer moved loses its records first, and its Pods keep their marks until it is observed', async () => {
  const { balancer, world, observed, setMode } = mixed();
  world.addService({ annotations: { mode: MOVED } });
  world.addPod();
  await world.rest();
  balancer.draining.add('a');
  setMode('observed');
  world.setReady(false);
  await world.rest(2000);
  expect(balancer.servers.has('a')).toBe(true);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
  expect(world.service()?.metadata.finalizers).toEqual([EMPLOYER_CLEAN_FINALIZER]);
  expect(observed).toEqual([]);

  balancer.draining.clear();
  await world.rest(2000);
  expect(balancer.servers.size).toBe(0);
  expect(balancer.vips.size).toBe(0);
  expect(world.service()?.metadata.finalizers).toEqual([]);
  expect(world.service()?.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION]).toBe('demo');
  expect(observed).toContain('nginx');
  // The observer sees its traffic.
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('the clean finalizer of a Go adapter that this one replaces goes, whether the employer is moved or observed', async () => {
  const { world } = mixed({ takesOverFromGo: () => true });
  world.addService({ finalizers: [EMPLOYER_CLEAN_FINALIZER] });
  world.addPod();
  await world.rest(2000);
  expect(world.service()?.metadata.finalizers).toEqual([]);
  expect(world.pod().metadata.finalizers).toEqual([finalizer]);
});

test('an observed employer with a clean finalizer can be deleted', async () => {
  const { world } = mixed({ takesOverFromGo: () => true });
  world.addService({ finalizers: [EMPLOYER_CLEAN_FINALIZER], deletionTimestamp: '2026-01-01T00:00:00Z' });
  await world.rest(2000);
  expect(world.service()).toBeUndefined();
});

test('a warning of the adapter is recorded once for as long as each pass repeats it', async () => {
  const { world, warn } = mixed();
  const warnings = () => world.events.filter((event) => event.startsWith('Warning Slow'));
  world.addService();
  warn('the balancer is slow');
  await world.rest();
  warn('the balancer is slow');
  await world.rest();
  expect(warnings()).toEqual(['Warning Slow: the balancer is slow']);
  warn(undefined);
  await world.rest();
  warn('the balancer is slow');
  await world.rest();
  expect(warnings()).toHaveLength(2);
});
