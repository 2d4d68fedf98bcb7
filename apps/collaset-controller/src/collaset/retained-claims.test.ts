// Claims that outlive a set: their adoption by the next set of the same name, and other sets and Pods that must not get or lose them.
import {
  COLLA_SETS,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  PVC_TEMPLATE_HASH_LABEL,
  RESOURCE_CONTEXTS,
} from '@kuperator/api';
import { type Given, settled } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { running } from '../test/running.ts';
import { idOf, Replica, type World } from '../test/world.ts';
import { claimTemplateHash } from './claims/claim-template.ts';

const template = (image = 'app:v1', more: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image, ...more }] },
});
const data = (storage = '1Gi', spec: object = {}) => ({
  volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage } }, ...spec } }],
});
type Policy = { whenScaled?: 'Retain'; whenDeleted?: 'Retain' };
const retaining = (policy: Policy = { whenDeleted: 'Retain' }) => ({
  scaleStrategy: { persistentVolumeClaimRetentionPolicy: policy },
});
const spec = { template: template(), ...data(), ...retaining() };

const claims = (world: World) =>
  world.cluster.list<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS).filter((claim) => !isTerminating(claim));
const names = (world: World) => claims(world).map(({ metadata }) => metadata.name);
const byId = (world: World) =>
  Object.fromEntries(claims(world).map(({ metadata }) => [metadata.labels?.[INSTANCE_ID_LABEL], metadata.name]));
const mounts = (world: World) =>
  Object.fromEntries(
    world.active().map((pod) => [String(idOf(pod)), pod.spec.volumes?.[0]?.persistentVolumeClaim?.claimName]),
  );
const changeClaims = (world: World, change: (claim: PersistentVolumeClaim) => PersistentVolumeClaim) => {
  for (const { metadata } of claims(world)) {
    world.cluster.change<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS, `default/${metadata.name}`, change);
  }
};
const labelled = (claim: PersistentVolumeClaim, labels: Record<string, string>): PersistentVolumeClaim => ({
  ...claim,
  metadata: { ...claim.metadata, labels: { ...claim.metadata.labels, ...labels } },
});

async function passes(world: World, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.pass();
    world.others();
    await settled();
    world.clock.advance(5000);
  }
}

async function deleteSet(world: World): Promise<void> {
  world.cluster.finishTermination(COLLA_SETS, world.key);
  await world.run();
  expect(world.pods()).toEqual([]);
}

/** A new set from the same manifest. */
async function makeAgain(world: World, given: Given<CollaSet>['spec'] = {}): Promise<void> {
  world.cluster.add(COLLA_SETS, aSet({ ...spec, ...given }));
  // The new set has the uid of the deleted one, which the old replica would not accept.
  world.restart();
  await world.run();
}

describe('a set that is created again', () => {
  test.each([
    0, 2,
  ])('with %d replicas keeps the retained claims of further ids, and mounts them after a scale-out (T99)', async (replicas) => {
    const world = await running(5, spec);
    const before = byId(world);
    await deleteSet(world);
    await makeAgain(world, { replicas });
    expect(byId(world)).toEqual(before);
    world.edit({ replicas: 5 });
    await world.run();
    expect([byId(world), mounts(world)]).toEqual([before, before]);
    // Now the claims belong to the new set, which deletes them with their ids.
    world.edit({ replicas: 1 });
    await world.run();
    expect(byId(world)).toEqual({ 0: before[0] });
  });

  test('adopts its claims under a selector with expressions (T104)', async () => {
    const expressions = [
      { key: 'app', operator: 'In' as const, values: ['web', 'x'] },
      { key: 'old', operator: 'DoesNotExist' as const },
    ];
    const given = { selector: { matchLabels: undefined, matchExpressions: expressions } };
    const world = await running(2, { ...spec, ...given });
    const before = byId(world);
    expect(claims(world).map(({ metadata }) => metadata.labels?.app)).toEqual(['web', 'web']);
    await deleteSet(world);
    await makeAgain(world, { replicas: 2, ...given });
    expect([byId(world), mounts(world)]).toEqual([before, before]);
  });

  test('adopts claims with another spelling of their size or another hash (T109)', async () => {
    const world = await running(2, { ...spec, ...data('1024Mi') });
    changeClaims(world, (claim) => labelled(claim, { [PVC_TEMPLATE_HASH_LABEL]: '79984c867' }));
    const before = byId(world);
    await deleteSet(world);
    await makeAgain(world, { replicas: 2, ...data('1Gi') });
    expect([byId(world), mounts(world)]).toEqual([before, before]);
  });

  test('reports the adopted claims once', async () => {
    const world = await running(1, spec);
    const [name] = names(world);
    await deleteSet(world);
    await makeAgain(world, { replicas: 1 });
    const told = world.replica.notes.filter((note) => note.startsWith('Claims'));
    expect(told).toEqual([`ClaimsAdopted: took over retained claims: ${name} (instance 0)`]);
  });

  test('leaves alone a claim that does not fit its template, reports it once, and never deletes it', async () => {
    const world = await running(1, spec);
    const [name] = names(world);
    await deleteSet(world);
    await makeAgain(world, { replicas: 1, ...data('3Gi') });
    expect(names(world)).toHaveLength(2);
    expect(mounts(world)[0]).not.toBe(name);
    world.edit({ replicas: 0 });
    await world.run();
    expect(names(world)).toEqual([name]);
    const told = world.replica.notes.filter((note) => note.startsWith('ClaimsLeftAlone'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(`${name}: it does not fit any claim template of the set (size 1Gi)`);
  });

  test('does not give a successor an id with retained claims, which the end of the replacement would delete', async () => {
    const world = await running(2, spec);
    const before = byId(world);
    await deleteSet(world);
    await makeAgain(world, { replicas: 1 });
    world.edit({ updateStrategy: { podUpgradePolicy: 'Replace' }, template: template('app:v2') });
    await world.run();
    expect([world.ids(), world.images(), byId(world)[1]]).toEqual([[2], ['app:v2'], before[1]]);
  });

  test('adopts claims that the replica which deleted the earlier set had not seen', async () => {
    const world = await running(1, spec);
    const successor = new Replica({ cluster: world.cluster, clock: world.clock });
    successor.caches.claims.pause();
    world.edit({ replicas: 2 });
    await world.run();
    const before = byId(world);
    world.replica = successor;
    world.cluster.finishTermination(COLLA_SETS, world.key);
    await passes(world, 6);
    successor.caches.claims.resume();
    expect(world.cluster.get(COLLA_SETS, world.key)).toBeUndefined();
    expect([byId(world), claims(world).map((claim) => controllerOf(claim))]).toEqual([before, [undefined, undefined]]);
  });

  test('creates no empty claim while the cache does not show the retained one', async () => {
    const world = await running(1, spec);
    const before = byId(world);
    const successor = new Replica({ cluster: world.cluster, clock: world.clock });
    successor.caches.claims.pause();
    await deleteSet(world);
    world.cluster.add(COLLA_SETS, aSet({ ...spec, replicas: 1 }, { metadata: { uid: 'web-uid-2' } }));
    world.replica = successor;
    await passes(world, 4);
    successor.caches.claims.resume();
    expect(byId(world)).toEqual(before);
    expect(world.pods().map((pod) => pod.spec.volumes?.[0]?.persistentVolumeClaim?.claimName)).toEqual([before[0]]);
  });
});

describe('another set with the same labels', () => {
  test('adopts and mounts no claims of the other set, and reports that (T100)', async () => {
    const world = await running(3, spec);
    const before = byId(world);
    await deleteSet(world);
    const selector = { matchLabels: { app: 'web' } };
    const neighbour = aSet({ ...spec, replicas: 2, selector }, { metadata: { name: 'web-b', uid: 'web-b-uid' } });
    world.cluster.add(COLLA_SETS, neighbour);
    for (let i = 0; i < 4; i++) {
      await world.replica.pass('default/web-b');
      world.others();
      await settled();
      world.clock.advance(5000);
    }
    const owners = claims(world).map((claim) => [claim.metadata.name, controllerOf(claim)?.name]);
    for (const name of Object.values(before)) expect(owners).toContainEqual([name, undefined]);
    expect(owners.filter(([, owner]) => owner === 'web-b')).toHaveLength(2);
    const told = world.replica.notes.filter((note) => note.startsWith('ClaimsLeftAlone'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(`${before[0]}: it belongs to CollaSet web`);
    await makeAgain(world, { replicas: 3 });
    expect(mounts(world)).toEqual(before);
  });
});

describe('whenScaled', () => {
  test('keeps claims of ids that were scaled in under Retain when the policy becomes Delete', async () => {
    const world = await running(3, { ...spec, ...retaining({ whenScaled: 'Retain' }) });
    const before = byId(world);
    world.edit({ replicas: 1 });
    await world.run();
    world.edit({ scaleStrategy: {} });
    await world.run();
    expect(byId(world)).toEqual(before);
    world.edit({ replicas: 2 });
    await world.run();
    expect(mounts(world)).toEqual({ 0: before[0], 1: before[1] });
    world.edit({ replicas: 1 });
    await world.run();
    expect(byId(world)).toEqual({ 0: before[0], 2: before[2] });
  });

  test('deletes the claims of a lost Pod when the set gives up its id', async () => {
    const world = await running(2, spec);
    const lost = world.active().find((pod) => idOf(pod) === 0);
    world.cluster.remove(PODS, `default/${lost?.metadata.name}`);
    world.edit({ replicas: 1 });
    await world.run();
    expect([world.ids(), Object.keys(byId(world))]).toEqual([[1], ['1']]);
    expect(world.context()?.spec.contexts).toHaveLength(1);
  });

  test('keeps claims if the record of their ids is lost', async () => {
    const world = await running(2, spec);
    const before = byId(world);
    const lost = world.active().find((pod) => idOf(pod) === 1);
    world.cluster.remove(PODS, `default/${lost?.metadata.name}`);
    world.cluster.remove(RESOURCE_CONTEXTS, world.key);
    world.edit({ replicas: 1 });
    await world.run();
    expect(byId(world)).toEqual(before);
  });

  test('keeps the entry of an id until its claims are gone', async () => {
    const world = await running(2, spec);
    world.cluster.failWrite({
      verb: 'delete',
      resource: 'persistentvolumeclaims',
      times: 1000,
      error: { status: 500, reason: 'InternalError' },
    });
    world.edit({ replicas: 1 });
    await passes(world, 12);
    expect(world.context()?.spec.contexts?.map(({ id, data }) => [id, data?.ScaleIn])).toEqual([
      [0, undefined],
      [1, 'true'],
    ]);
    world.cluster.healWrites();
    world.restart();
    await world.run();
    expect([Object.keys(byId(world)), world.context()?.spec.contexts?.length]).toEqual([['0'], 1]);
  });

  test('keeps a claim while any Pod mounts it, and deletes it afterwards', async () => {
    const world = await running(2, spec);
    const claimName = byId(world)[1] ?? '';
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName } }];
    const backup: Pod = {
      metadata: { name: 'backup', namespace: 'default', uid: 'backup' },
      spec: { containers: [{ name: 'c' }], volumes },
    };
    world.cluster.add(PODS, backup);
    world.edit({ replicas: 1 });
    await passes(world, 10);
    expect(Object.keys(byId(world))).toEqual(['0', '1']);
    expect(world.replica.notes.filter((note) => note.startsWith('ClaimInUse'))).toEqual([
      `ClaimInUse: claim ${claimName} is no longer needed, but stays while Pod backup mounts it`,
    ]);
    expect(world.replica.warnings).toEqual(new Set());
    world.cluster.remove(PODS, 'default/backup');
    world.clock.advance(30_000);
    await world.run();
    expect(Object.keys(byId(world))).toEqual(['0']);
  });

  test('reads the latest policy before it deletes a claim', async () => {
    const world = await running(2, spec);
    const before = byId(world);
    world.cluster.failWrite({
      verb: 'delete',
      resource: 'persistentvolumeclaims',
      times: 1000,
      error: { status: 500, reason: 'InternalError' },
    });
    world.edit({ replicas: 1 });
    await passes(world, 6);
    world.replica.caches.sets.pause();
    world.edit(retaining({ whenScaled: 'Retain' }));
    world.cluster.healWrites();
    await passes(world, 6);
    world.replica.caches.sets.resume();
    await world.run();
    expect(byId(world)).toEqual(before);
  });
});

describe('a claim template', () => {
  test('keeps its claims if its spelling changes together with another field (T109)', async () => {
    const world = await running(2, { template: template(), ...data('1024Mi') });
    const before = byId(world);
    world.edit({ template: template('app:v2', { env: [{ name: 'A', value: '1' }] }), ...data('1Gi') });
    await world.run();
    expect([byId(world), mounts(world), world.images()]).toEqual([before, before, ['app:v2', 'app:v2']]);
  });

  test.each([
    { name: 'a volume mode that is the default', change: data('1Gi', { volumeMode: 'Filesystem' }) },
    { name: 'the class that the claims have', change: data('1Gi', { storageClassName: 'standard' }) },
  ])('keeps its claims if it writes out $name', async ({ change }) => {
    const world = await running(2, { template: template(), ...data() });
    const before = byId(world);
    world.edit({ template: template('app:v2', { env: [{ name: 'A', value: '1' }] }), ...change });
    await world.run();
    expect([byId(world), mounts(world)]).toEqual([before, before]);
  });

  test('relabels claims that have the hash of an earlier release with the hash of the Go implementation', async () => {
    const world = await running(2, { template: template(), ...data('1024Mi') });
    changeClaims(world, (claim) => labelled(claim, { [PVC_TEMPLATE_HASH_LABEL]: '79984c867' }));
    const before = byId(world);
    await world.run();
    const [asked] = world.set().spec.volumeClaimTemplates ?? [];
    const hashes = claims(world).map(({ metadata }) => metadata.labels?.[PVC_TEMPLATE_HASH_LABEL]);
    expect(new Set(hashes)).toEqual(new Set([claimTemplateHash(asked as never)]));
    expect([byId(world), mounts(world)]).toEqual([before, before]);
  });

  test('keeps the old claims until an update of it is complete, for a rollback', async () => {
    const partition = (count: number) => ({
      updateStrategy: { rollingUpdate: { byPartition: { partition: count } } },
    });
    const world = await running(2, { template: template(), ...data('1Gi') });
    const before = byId(world);
    world.edit({ ...data('2Gi'), ...partition(1) });
    await world.run();
    expect(names(world)).toHaveLength(3);
    world.edit({ ...data('1Gi'), ...partition(0) });
    await world.run();
    expect(mounts(world)).toEqual(before);
    world.edit(data('2Gi'));
    await world.run();
    expect(names(world)).toHaveLength(2);
    expect(names(world).filter((name) => Object.values(before).includes(name))).toEqual([]);
  });
});
