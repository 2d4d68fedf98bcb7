// Updates in place of resources, sidecars and claims, and templates that the API server refuses, on the in-memory cluster.
import {
  CONTROLLER_REVISIONS,
  type CollaSet,
  LAST_POD_STATUS_ANNOTATION,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  type Pod,
} from '@kuperator/api';
import { aCondition, type Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { World } from '../test/world.ts';
import { revisionFor } from './revision/revision.ts';

type Spec = Given<CollaSet>['spec'];
const template = (cpu: string, more: object = {}, image = 'app:v1') => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image, resources: { requests: { cpu } } }], ...more },
});
const policy = (podUpgradePolicy: 'InPlaceOnly' | 'Recreate') => ({ updateStrategy: { podUpgradePolicy } });

async function running(spec: Spec = {}): Promise<World> {
  const world = new World(aSet({ template: template('1'), replicas: 2, ...spec }));
  await world.run();
  world.takeWrites();
  return world;
}

const uids = (world: World) => world.active().map(({ metadata }) => metadata.uid);
const requests = (world: World) => world.active().map(({ spec }) => spec.containers[0]?.resources?.requests?.cpu);

describe('resources', () => {
  test('change in place with four writes: begin, change, resize, finish', async () => {
    const world = await running();
    const before = uids(world);
    world.edit({ template: template('2', {}, 'app:v2') });
    await world.run();
    expect(uids(world)).toEqual(before);
    expect(requests(world)).toEqual(['2', '2']);
    expect(world.images()).toEqual(['app:v2', 'app:v2']);
    const { 'patch collasets/status': _, ...writes } = world.takeWrites();
    expect(writes).toEqual({
      'create controllerrevisions': 1,
      'patch pods': 6,
      'patch pods/resize': 2,
      'patch resourcecontexts': 1,
    });
    expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 2, operatingReplicas: 0 });
  });

  test('do not change before the operation is permitted', async () => {
    const world = await running();
    world.permits = false;
    world.edit({ template: template('2') });
    await world.run();
    expect(requests(world)).toEqual(['1', '1']);
    expect(world.takeWrites()).not.toHaveProperty(['patch pods/resize']);
  });

  const refused = { status: 422, reason: 'Invalid', message: 'only one at a time' };
  const refuse = (world: World) =>
    world.cluster.failWrite({
      verb: 'patch',
      resource: 'pods',
      times: 1000,
      error: refused,
      matching: ({ subresource }) => subresource === 'resize',
    });

  test('recreate the Pod if the API server refuses the resize', async () => {
    const world = await running();
    const before = new Set(uids(world));
    refuse(world);
    world.edit({ template: template('2') });
    await world.run();
    expect(uids(world).filter((uid) => before.has(uid))).toEqual([]);
    expect(requests(world)).toEqual(['2', '2']);
    expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 2, operatingReplicas: 0 });
  });

  test('report a refused resize under InPlaceOnly, and return the Pods to service after a rollback', async () => {
    const world = await running(policy('InPlaceOnly'));
    const before = uids(world);
    refuse(world);
    world.edit({ template: template('2') });
    for (let i = 0; i < 12; i++) {
      await world.pass();
      world.others();
      world.clock.advance(2000);
    }
    expect(uids(world)).toEqual(before);
    expect(world.condition('Update')).toMatch(/^False UpdateFailed .*only one at a time/);
    world.edit({ template: template('1') });
    await world.run();
    expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 2, operatingReplicas: 0 });
    expect(requests(world)).toEqual(['1', '1']);
  });

  test('recreate the Pod if its node is too small for the resize', async () => {
    const world = await running({ replicas: 1 });
    const [before] = uids(world);
    world.edit({ template: template('2') });
    const isResizing = ({ metadata, spec }: Pod) =>
      metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined &&
      spec.containers[0]?.resources?.requests?.cpu === '2';
    for (let i = 0; i < 20 && !world.active().some(isResizing); i++) {
      await world.pass();
      if (!world.active().some(isResizing)) world.others();
      world.clock.advance(1000);
    }
    const [pod] = world.active();
    world.cluster.change<Pod>(PODS, `default/${pod?.metadata.name}`, (old) => {
      const pending = aCondition('PodResizePending', true, { reason: 'Infeasible', message: 'node too small' });
      return { ...old, status: { ...old.status, conditions: [...(old.status?.conditions ?? []), pending] } };
    });
    await world.run();
    expect(uids(world)).not.toContain(before);
    expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 1, operatingReplicas: 0 });
  });
});

test('changes the image of a sidecar in place', async () => {
  const sidecar = (image: string) => ({ initContainers: [{ name: 'proxy', image, restartPolicy: 'Always' }] });
  const world = await running({ template: template('1', sidecar('p:v1')) });
  const before = uids(world);
  world.edit({ template: template('1', sidecar('p:v2')) });
  await world.run();
  expect(uids(world)).toEqual(before);
  expect(world.active().map(({ spec }) => spec.initContainers?.[0]?.image)).toEqual(['p:v2', 'p:v2']);
  expect(world.active().map(({ status }) => status?.initContainerStatuses?.[0]?.image)).toEqual(['p:v2', 'p:v2']);
  expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 2, operatingReplicas: 0 });
});

describe('claims', () => {
  const claims = (storage: string, storageClassName = 'expandable', names = ['data']) => ({
    volumeClaimTemplates: names.map((name) => ({
      metadata: { name },
      spec: { storageClassName, resources: { requests: { storage } } },
    })),
  });
  const stored = (world: World) => world.cluster.list(PERSISTENT_VOLUME_CLAIMS);
  const sizes = (world: World) => stored(world).map(({ spec }) => spec.resources?.requests?.storage);
  const names = (world: World) => stored(world).map(({ metadata }) => metadata.name);
  const retain = { scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain' as const } } };

  test('grow in place without taking any Pod out of service', async () => {
    const world = await running(claims('1Gi'));
    const before = { names: names(world), uids: uids(world) };
    world.edit(claims('2Gi') as Partial<CollaSet['spec']>);
    await world.run();
    expect({ names: names(world), uids: uids(world) }).toEqual(before);
    expect(sizes(world)).toEqual(['2Gi', '2Gi']);
    const { 'patch collasets/status': _, ...writes } = world.takeWrites();
    expect(writes).toEqual({
      'create controllerrevisions': 1,
      'patch persistentvolumeclaims': 2,
      'patch pods': 2,
      'patch resourcecontexts': 1,
    });
    expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 2 });
    world.edit({ replicas: 1 });
    await world.run();
    world.edit({ replicas: 2 });
    await world.run();
    expect(sizes(world)).toEqual(['2Gi', '2Gi']);
  });

  test('grow only for the Pods that the partition includes', async () => {
    const world = await running(claims('1Gi'));
    world.edit({ ...claims('2Gi'), updateStrategy: { rollingUpdate: { byPartition: { partition: 1 } } } } as never);
    await world.run();
    expect(sizes(world).toSorted()).toEqual(['1Gi', '2Gi']);
  });

  test('are replaced by new ones if their class does not allow expansion', async () => {
    const world = await running(claims('1Gi', 'standard'));
    const before = names(world);
    world.edit(claims('2Gi', 'standard') as Partial<CollaSet['spec']>);
    await world.run();
    expect(names(world).filter((name) => before.includes(name))).toEqual([]);
    expect(sizes(world)).toEqual(['2Gi', '2Gi']);
  });

  test('grow and keep their data if the Pod is recreated as well', async () => {
    const world = await running({ ...claims('1Gi'), ...policy('Recreate') });
    const before = names(world);
    world.edit(claims('2Gi') as Partial<CollaSet['spec']>);
    await world.run();
    expect([names(world), sizes(world)]).toEqual([before, ['2Gi', '2Gi']]);
  });

  test('stay through a recreation and a scale-in with Retain, and are mounted again', async () => {
    const world = await running({ ...claims('1Gi'), ...retain });
    const before = names(world);
    world.edit({
      template: { ...template('1'), spec: { containers: [{ name: 'app', image: 'a', env: [] }], hostPID: true } },
    });
    await world.run();
    world.edit({ replicas: 0 });
    await world.run();
    expect(names(world)).toEqual(before);
    world.edit({ replicas: 2 });
    await world.run();
    expect(names(world)).toEqual(before);
  });

  test('of an added template are mounted by recreated Pods', async () => {
    const world = await running(claims('1Gi'));
    const before = new Set(uids(world));
    world.edit(claims('1Gi', 'expandable', ['data', 'logs']) as Partial<CollaSet['spec']>);
    await world.run();
    expect(uids(world).filter((uid) => before.has(uid))).toEqual([]);
    expect(world.active().map(({ spec }) => spec.volumes?.map(({ name }) => name))).toEqual([
      ['data', 'logs'],
      ['data', 'logs'],
    ]);
  });

  test('of ids that the set no longer has are deleted', async () => {
    const world = await running(claims('1Gi'));
    world.cluster.failWrite({ verb: 'delete', resource: 'persistentvolumeclaims', error: 'connection' });
    world.edit({ replicas: 1 });
    await world.run();
    expect(names(world)).toHaveLength(1);
  });
});

describe('a template that the API server refuses', () => {
  const message = 'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "none"';
  const refusing = async (world: World, error = { status: 422, reason: 'Invalid', message }) => {
    world.cluster.failWrite({
      verb: 'create',
      resource: 'pods',
      dryRun: true,
      times: 1000,
      error,
      matching: ({ body }) => JSON.stringify(body).includes('bad:v1'),
    });
    world.edit({ template: template('1', { hostPID: true }, 'bad:v1') });
    for (let i = 0; i < 10; i++) {
      await world.pass();
      world.others();
      world.clock.advance(1100);
    }
  };

  test('begins no operation, and its message is in the conditions', async () => {
    const world = await running();
    const before = uids(world);
    await refusing(world);
    expect(uids(world)).toEqual(before);
    expect(world.condition('Update')).toBe(
      `False UpdateFailed ${world.condition('Stalled').slice('True UpdateFailed '.length)}`,
    );
    expect(world.condition('Update')).toContain('Not found: "none"');
    expect(world.set().status).toMatchObject({ observedGeneration: 2, availableReplicas: 2, updatedReplicas: 0 });
    const { 'patch collasets/status': _, ...writes } = world.takeWrites();
    expect(writes).toEqual({ 'create controllerrevisions': 1 });
  });

  test('returns Pods of the earlier update to service, and continues when the template is corrected', async () => {
    const world = await running();
    world.permits = false;
    world.edit({ template: template('1', { hostPID: true }, 'app:v2') });
    await world.run();
    world.permits = true;
    await refusing(world);
    expect(world.set().status).toMatchObject({ operatingReplicas: 0, availableReplicas: 2 });
    world.edit({ template: template('1', {}, 'app:v3') });
    await world.run();
    expect(world.images()).toEqual(['app:v3', 'app:v3']);
    expect(world.condition('Update')).toBe('True Updated');
    expect(world.condition('Stalled')).toBe('False NotStalled');
  });

  test('goes on by itself when what the template needs has come', async () => {
    const world = await running();
    await refusing(world);
    world.cluster.healWrites();
    world.clock.advance(60_000);
    await world.run();
    expect(world.images()).toEqual(['bad:v1', 'bad:v1']);
  });

  test('a full quota is no fault of the template', async () => {
    const world = await running();
    await refusing(world, { status: 403, reason: 'Forbidden', message: 'pods "x" is forbidden: exceeded quota: q' });
    await world.run();
    expect(world.images()).toEqual(['bad:v1', 'bad:v1']);
  });

  test('is tried once for each revision', async () => {
    const world = await running();
    const tried: string[] = [];
    world.cluster.failWrite({
      dryRun: true,
      error: { status: 500, reason: 'InternalError' },
      matching: ({ resource, body }) => tried.push(`${resource} ${JSON.stringify(body).match(/app:v\d/)?.[0]}`) < 0,
    });
    world.edit({ template: template('1', {}, 'app:v2') });
    await world.run();
    // The API server completed the earlier template before its first Pod was created.
    expect(tried).toEqual(['podtemplates app:v2', 'pods app:v2']);
  });
});

test('a pass that comes to no end says so, and that the generation was seen (T64)', async () => {
  const world = await running();
  const error = { status: 403, reason: 'Forbidden', message: 'no context for you' };
  world.cluster.failWrite({ verb: 'patch', resource: 'resourcecontexts', times: 100, error });
  world.edit({ template: template('2') });
  await world.pass();
  expect(world.set().status).toMatchObject({ observedGeneration: 2, availableReplicas: 2 });
  expect(world.condition('Update')).toMatch(/^False UpdateFailed .*no context for you/);
  world.cluster.healWrites();
  await world.run();
  expect(world.condition('Update')).toBe('True Updated');
});

test('rolled back, the old revision keeps its name and gets a new number; another one collides with a foreign name', async () => {
  const world = await running();
  const first = world.set().status?.updatedRevision;
  world.edit({ template: template('2') });
  await world.run();
  world.edit({ template: template('1') });
  await world.run();
  expect(world.set().status).toMatchObject({ updatedRevision: first, currentRevision: first, collisionCount: 0 });
  const numbers = world.cluster.list(CONTROLLER_REVISIONS).map(({ metadata, revision }) => [metadata.name, revision]);
  expect(Object.fromEntries(numbers)[first ?? '']).toBe(3);

  const { name = '' } = revisionFor(
    { ...world.set(), spec: { ...world.set().spec, template: template('3') } },
    0,
    1,
  ).metadata;
  world.cluster.add(CONTROLLER_REVISIONS, {
    metadata: { namespace: 'default', name, uid: 'foreign' },
    data: {},
    revision: 1,
  });
  world.edit({ template: template('3') });
  await world.run();
  expect(world.set().status).toMatchObject({ collisionCount: 1, updatedReplicas: 2 });
  expect(world.set().status?.updatedRevision).not.toBe(name);
});
