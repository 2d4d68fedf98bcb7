// Assertions of the Go implementation's test suites about a CollaSet that no other test has, see docs/conformance/collaset.md.
import {
  COLLA_SETS,
  type CollaSet,
  INSTANCE_ID_LABEL,
  isTerminating,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  REVISION_LABEL,
  TO_DELETE_LABEL,
  UPDATE_INCLUDED_LABEL,
} from '@kuperator/api';
import { isPermitted } from '@kuperator/lifecycle';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { running, tuple } from '../test/running.ts';
import { idOf, type World } from '../test/world.ts';

const template = (image: string, spec: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image }], ...spec },
});
const partition = (count: number) => ({ rollingUpdate: { byPartition: { partition: count } } });
const byLabel = { rollingUpdate: { byLabel: {} } };
const claimTemplates = (...names: string[]) => ({
  volumeClaimTemplates: names.map((name) => ({
    metadata: { name },
    spec: { resources: { requests: { storage: '1Gi' } } },
  })),
});
type RetentionPolicy = { whenScaled?: 'Retain'; whenDeleted?: 'Retain' };
const retaining = (policy: RetentionPolicy) => ({ scaleStrategy: { persistentVolumeClaimRetentionPolicy: policy } });

const named = (world: World, id: number): Pod => {
  const pod = world.active().find((candidate) => idOf(candidate) === id);
  if (!pod) throw new Error(`no Pod of id ${id}`);
  return pod;
};
const nameOf = (world: World, id: number) => named(world, id).metadata.name ?? '';
const claims = (world: World) =>
  world.cluster.list<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS).filter((claim) => !isTerminating(claim));
const claimNames = (world: World) => claims(world).map(({ metadata }) => metadata.name);

describe('basics', () => {
  test('keeps a container privileged (T96)', async () => {
    const containers = [{ name: 'app', image: 'app:v1', securityContext: { privileged: true } }];
    const world = await running(3, { template: template('app:v1', { containers }) });
    expect(tuple(world)).toEqual([3, 3, 3, 3, 3]);
    for (const { spec } of world.active()) expect(spec.containers).toMatchObject(containers);
  });

  test('sets the hostname to the name of the Pod only with sequence names, also after an update in place', async () => {
    const world = await running(2, { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } });
    const hostnames = () => world.active().map(({ spec }) => (spec as { hostname?: string }).hostname);
    expect(hostnames()).toEqual(['web-0', 'web-1']);
    world.edit({ template: template('app:v2') });
    await world.run();
    expect([hostnames(), world.images()]).toEqual([
      ['web-0', 'web-1'],
      ['app:v2', 'app:v2'],
    ]);
    const random = await running(1);
    expect((random.active()[0]?.spec as { hostname?: string }).hostname).toBeUndefined();
  });
});

describe('scaling', () => {
  test('scales in from 3 to 2 replicas', async () => {
    const world = await running(3);
    world.edit({ replicas: 2 });
    await world.run();
    expect(tuple(world)).toEqual([2, 2, 2, 2, 2]);
  });

  test('recreates an old Pod marked to-delete at its old revision within the partition', async () => {
    const world = await running(2);
    const old = world.set().status?.updatedRevision;
    world.edit({ template: template('app:v2'), updateStrategy: partition(1) });
    await world.run();
    expect(tuple(world)).toEqual([2, 2, 2, 1, 2]);
    const victim = world.active().find((pod) => pod.metadata.labels?.[REVISION_LABEL] === old);
    const name = victim?.metadata.name ?? '';
    world.editPod(name, { [TO_DELETE_LABEL]: '1' });
    await world.run();
    expect(world.active().map(({ metadata }) => metadata.name)).not.toContain(name);
    expect(world.active().filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === old)).toHaveLength(1);
    expect(tuple(world)).toEqual([2, 2, 2, 1, 2]);
  });

  test('recreates all deleted Pods at their own revisions within a partition', async () => {
    const world = await running(2);
    world.edit({ template: template('app:v2'), updateStrategy: partition(1) });
    await world.run();
    const before = world.images();
    for (const { metadata } of world.active()) world.cluster.remove(PODS, `default/${metadata.name}`);
    await world.run();
    expect([world.ids(), world.images()]).toEqual([[0, 1], before]);
  });

  test('recreates a Pod in podToDelete if the replicas stay the same', async () => {
    const world = await running(3);
    const name = nameOf(world, 1);
    world.edit({ scaleStrategy: { podToDelete: [name] } });
    await world.run();
    expect(world.active().map(({ metadata }) => metadata.name)).not.toContain(name);
    expect(tuple(world)).toEqual([3, 3, 3, 3, 3]);
  });

  test('scales in the Pod in podToDelete if the replicas are lowered', async () => {
    const world = await running(3);
    world.edit({ replicas: 2, scaleStrategy: { podToDelete: [nameOf(world, 0)] } });
    await world.run();
    expect([world.ids(), tuple(world)]).toEqual([
      [1, 2],
      [2, 2, 2, 2, 2],
    ]);
  });

  test.each([
    { from: 3, to: 10, count: 8, updated: 2 },
    { from: 2, to: 3, count: 1, updated: 2 },
  ])('updates exactly $updated Pods if the partition becomes $count while the replicas change from $from to $to', async (given) => {
    const world = await running(given.from);
    world.edit({ replicas: given.to, template: template('app:v2'), updateStrategy: partition(given.count) });
    await world.run();
    expect(tuple(world)).toEqual([given.to, given.to, given.to, given.updated, given.to]);
  });
});

describe('by sequence', () => {
  const sequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' as const } };

  test('deletes a Pod that has ended before it creates the next one of the same name', async () => {
    const world = await running(2, sequence);
    const { uid } = named(world, 1).metadata;
    world.cluster.change<Pod>(PODS, 'default/web-1', (pod) => ({ ...pod, status: { ...pod.status, phase: 'Failed' } }));
    await world.run();
    expect(tuple(world)).toEqual([2, 2, 2, 2, 2]);
    expect(nameOf(world, 1)).toBe('web-1');
    expect(named(world, 1).metadata.uid).not.toBe(uid);
  });

  test('recreates the Pod of a name that stays in podToDelete only once', async () => {
    const world = await running(2, sequence);
    const { uid } = named(world, 1).metadata;
    world.edit({ scaleStrategy: { podToDelete: ['web-1'] } });
    await world.run();
    const next = named(world, 1).metadata.uid;
    expect(next).not.toBe(uid);
    await world.run();
    expect(named(world, 1).metadata.uid).toBe(next);
    // A name that is removed from the list and added again is another request.
    world.edit({ scaleStrategy: {} });
    await world.run();
    world.edit({ scaleStrategy: { podToDelete: ['web-1'] } });
    await world.run();
    expect(named(world, 1).metadata.uid).not.toBe(next);
  });
});

test('keeps a revision beyond the history limit if the entry of an id names it', async () => {
  const world = await running(2, { historyLimit: 0, updateStrategy: partition(1) });
  for (const image of ['app:v2', 'app:v3', 'app:v4']) {
    world.edit({ template: template(image) });
    await world.run();
  }
  // Without this, the status would also name the revision.
  world.cluster.change<CollaSet>(COLLA_SETS, world.key, (set) => ({
    ...set,
    status: { ...set.status, currentRevision: set.status?.updatedRevision ?? '' },
  }));
  const old = world.images().indexOf('app:v1');
  world.permits = false;
  world.cluster.failWrite({
    verb: 'create',
    resource: 'pods',
    times: 20,
    error: { status: 500, reason: 'InternalError' },
  });
  world.cluster.remove(PODS, `default/${nameOf(world, old)}`);
  for (const image of ['app:v5', 'app:v6']) {
    world.edit({ template: template(image) });
    for (let i = 0; i < 3; i++) await world.pass();
  }
  world.cluster.healWrites();
  world.permits = true;
  await world.run();
  expect(world.images()).toContain('app:v1');
});

describe('updating', () => {
  test('by label, updates no Pod at first, and then the labelled one', async () => {
    const world = await running(3, { updateStrategy: byLabel });
    world.edit({ template: template('app:v2') });
    await world.run();
    expect(tuple(world)).toEqual([3, 3, 3, 0, 3]);
    world.editPod(nameOf(world, 1), { [UPDATE_INCLUDED_LABEL]: 'true' });
    await world.run();
    expect(tuple(world)).toEqual([3, 3, 3, 1, 3]);
    const owners = world.context()?.spec.contexts?.map(({ data }) => data?.Owner);
    expect(owners).toEqual(['web', 'web', 'web']);
  });

  test('follows a partition that is lowered from 4 to 0', async () => {
    const world = await running(4);
    const updated: unknown[] = [];
    for (const count of [4, 3, 2, 1, 0]) {
      world.edit({ template: template('app:v2'), updateStrategy: partition(count) });
      await world.run();
      updated.push(world.set().status?.updatedReplicas);
    }
    expect(updated).toEqual([0, 1, 2, 3, 4]);
  });

  test('replaces Pods by a partition that is lowered from 3 to 0', async () => {
    const world = await running(3, { updateStrategy: { podUpgradePolicy: 'Replace' } });
    const tuples: unknown[] = [];
    for (const count of [3, 2, 1, 0]) {
      world.edit({
        template: template('app:v2'),
        updateStrategy: { podUpgradePolicy: 'Replace', ...partition(count) },
      });
      await world.run();
      tuples.push(tuple(world));
    }
    expect(tuples).toEqual([0, 1, 2, 3].map((updated) => [3, 3, 3, updated, 3]));
  });

  test('changes no Pod before the operation delay ends', async () => {
    const world = await running(1, { updateStrategy: { ...byLabel, operationDelaySeconds: 10 } });
    world.edit({ template: template('app:v2') });
    world.editPod(nameOf(world, 0), { [UPDATE_INCLUDED_LABEL]: 'true' });
    const images: unknown[] = [];
    for (let round = 0; round < 8; round++) {
      await world.pass();
      world.others();
      if (world.active().some((pod) => isPermitted(pod, 'collaset', 'update'))) images.push(world.images()[0]);
      world.clock.advance(3000);
    }
    expect(images.slice(0, 4)).toEqual(['app:v1', 'app:v1', 'app:v1', 'app:v1']);
    await world.run();
    expect(tuple(world)).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('claims', () => {
  test('creates one claim of each template for each id, and deletes those of scaled-in ids', async () => {
    const world = await running(4, claimTemplates('data', 'log-files'));
    expect(claims(world)).toHaveLength(8);
    expect(
      named(world, 0)
        .spec.volumes?.map(({ name }) => name)
        .toSorted(),
    ).toEqual(['data', 'log-files']);
    world.edit({ replicas: 2 });
    await world.run();
    const left = claims(world).map(({ metadata }) => metadata.labels?.[INSTANCE_ID_LABEL]);
    expect(left.toSorted()).toEqual(['0', '0', '1', '1']);
  });

  test('keeps a claim while a terminating Pod mounts it (T59)', async () => {
    const world = await running(2, claimTemplates('data'));
    const name = nameOf(world, 1);
    world.cluster.change<Pod>(PODS, `default/${name}`, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, finalizers: ['example.com/hold'] },
    }));
    world.edit({ replicas: 1 });
    await world.run();
    expect([world.ids(), claims(world).length]).toEqual([[0], 2]);
    world.cluster.remove(PODS, `default/${name}`);
    await world.run();
    expect(claims(world)).toHaveLength(1);
  });

  test('keeps claims with whenScaled: Retain, and mounts them again after a scale-out', async () => {
    const world = await running(2, { ...claimTemplates('data'), ...retaining({ whenScaled: 'Retain' }) });
    const names = claimNames(world);
    world.edit({ replicas: 1 });
    await world.run();
    expect(claimNames(world)).toEqual(names);
    world.edit({ replicas: 2 });
    await world.run();
    expect(claimNames(world)).toEqual(names);
    expect(tuple(world)).toEqual([2, 2, 2, 2, 2]);
  });

  test('keeps claims with whenDeleted: Retain, and the next set of the same name mounts them (T60, T61)', async () => {
    const spec = { ...claimTemplates('my-data'), ...retaining({ whenDeleted: 'Retain' }) };
    const world = await running(2, spec);
    const names = claimNames(world);
    world.cluster.finishTermination(COLLA_SETS, world.key);
    await world.run();
    expect([world.cluster.get(COLLA_SETS, world.key), world.pods(), claimNames(world)]).toEqual([undefined, [], names]);
    world.cluster.add(COLLA_SETS, aSet({ template: template('app:v1'), replicas: 2, ...spec }));
    // The new set has the uid of the deleted one, which the old replica would not accept.
    world.restart();
    await world.run();
    const mounted = world.active().map(({ spec: { volumes = [] } }) => volumes[0]?.persistentVolumeClaim?.claimName);
    expect(mounted.toSorted()).toEqual(names.toSorted());
    expect(claimNames(world)).toEqual(names);
  });
});
