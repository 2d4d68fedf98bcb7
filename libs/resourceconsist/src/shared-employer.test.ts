// T112: two adapters on one Service would share one finalizer, and the one whose traffic ends first would let the Pods go.
import { EMPLOYER_ADAPTER_ANNOTATION, EMPLOYER_CLEAN_FINALIZER, SERVICES } from '@kuperator/api';
import { expectedFinalizersOf } from '@kuperator/lifecycle';
import { expect, test } from 'vitest';
import { type Adapter, SERVICE_EMPLOYERS } from './adapter.ts';
import { World } from './test/world.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const expected = { 'Service/default/nginx': finalizer };

function world(more: Partial<Adapter> = {}): World {
  const observe = () => () => 'off' as const;
  return new World({ name: 'ours', employers: SERVICE_EMPLOYERS, traffic: { observe }, ...more });
}

const named = (name: string) => ({ [EMPLOYER_ADAPTER_ANNOTATION]: name });
const nameOn = (each: World) => each.service()?.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION];
const bears = ({ pod }: { pod: ReturnType<World['pod']> }) => ({
  finalizers: pod.metadata.finalizers ?? [],
  expected: expectedFinalizersOf(pod),
});

test.each([
  { by: 'its name', marks: { annotations: named('other') } },
  { by: 'the Go framework', marks: { finalizers: [EMPLOYER_CLEAN_FINALIZER] } },
  { by: 'the Go framework, without the control label', marks: { finalizers: [EMPLOYER_CLEAN_FINALIZER], labels: {} } },
])('a Service marked by another adapter, $by, keeps everything on its Pods', async ({ marks }) => {
  const each = world();
  each.addService(marks);
  // Out of service, and no traffic that we would see: ours would let go.
  each.addPod({ ready: false, finalizers: [finalizer], expected });
  each.addPod({ name: 'new', ready: false });
  await each.rest();
  expect(each.cluster.writes).toEqual([]);
  expect(each.events).toHaveLength(1);
  expect(each.events[0]).toMatch(
    /^Warning GuardedByAnother: left alone: (annotation|finalizer) .*; ours takes part once/,
  );
  each.controller.enqueue('default/nginx');
  await each.rest();
  expect(each.events).toHaveLength(1);
});

test('a Service that another adapter marks later is handed over unchanged, and no longer names this adapter', async () => {
  const each = world();
  each.addService();
  each.addPod({ ready: false, finalizers: [finalizer], expected });
  each.pods.pause();
  each.changeService((service) => ({
    ...service,
    metadata: { ...service.metadata, annotations: named('ours'), finalizers: [EMPLOYER_CLEAN_FINALIZER] },
  }));
  each.pods.resume();
  await each.rest();
  expect(bears({ pod: each.pod() })).toEqual({ finalizers: [finalizer], expected });
  expect(nameOn(each)).toBeUndefined();
  expect(each.service()?.metadata.finalizers).toEqual([EMPLOYER_CLEAN_FINALIZER]);
});

test('a Service that loses the mark of another adapter is taken over, with the marks on its Pods', async () => {
  const each = world();
  each.addService({ finalizers: [EMPLOYER_CLEAN_FINALIZER] });
  each.addPod({ ready: false, finalizers: [finalizer], expected });
  await each.rest();
  each.changeService((service) => ({ ...service, metadata: { ...service.metadata, finalizers: [] } }));
  await each.rest();
  expect(nameOn(each)).toBe('ours');
  expect(bears({ pod: each.pod() })).toEqual({ finalizers: [], expected });
  each.changeService((service) => ({ ...service, metadata: { ...service.metadata, annotations: named('other') } }));
  await each.rest();
  expect(each.events.filter((event) => event.includes('GuardedByAnother'))).toHaveLength(2);
});

test('if two adapters see a Service at the same time, one of them takes it', async () => {
  const each = world();
  each.services.pause();
  each.addService();
  each.addPod({ ready: false });
  // The other one is quicker, and our cache does not know.
  each.services.resume();
  each.services.pause();
  each.changeService((service) => ({ ...service, metadata: { ...service.metadata, annotations: named('other') } }));
  await each.rest();
  expect(each.podWrites).toBe(0);
  each.services.resume();
  await each.rest(2000);
  expect(nameOn(each)).toBe('other');
  expect(each.podWrites).toBe(0);
});

test('a Service that opts out keeps the name of its adapter until its Pods are released, because without it the marks would look like those of another adapter', async () => {
  const each = world();
  each.addService({ annotations: named('ours') });
  each.addPod({ finalizers: [finalizer], expected });
  await each.rest();
  each.cluster.failWrite({ resource: 'pods', error: { status: 500, reason: 'InternalError' }, times: 1 });
  each.changeService((service) => ({ ...service, metadata: { ...service.metadata, labels: {} } }));
  await each.rest(2);
  expect(nameOn(each)).toBe('ours');
  await each.rest(5000);
  expect(bears({ pod: each.pod() })).toEqual({ finalizers: [], expected: {} });
  expect(nameOn(each)).toBeUndefined();
  expect(each.cluster.get(SERVICES, 'default/nginx')).toBeDefined();
});
