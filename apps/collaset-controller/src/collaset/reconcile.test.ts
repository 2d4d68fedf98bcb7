import {
  COLLA_SETS,
  COLLASET_FINALIZER,
  COMPLETING_LABEL,
  CREATING_LABEL,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  REVISION_LABEL,
  SERVICE_READY_GATE,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { operationsOf } from '@kuperator/lifecycle';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { World } from '../test/world.ts';

const GATE = { conditionType: SERVICE_READY_GATE };

const template = (image: string, more: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image, ...more }] },
});
const v2 = { template: template('app:v2') };
const env = { template: template('app:v1', { env: [{ name: 'A', value: '1' }] }) };
const partition = (value: number) => ({ rollingUpdate: { byPartition: { partition: value } } });

async function running(replicas: number, spec: Parameters<typeof aSet>[0] = {}): Promise<World> {
  const world = new World(aSet({ ...v1(), replicas, ...spec }));
  await world.run();
  world.takeWrites();
  return world;
}

function v1() {
  return { template: template('app:v1') };
}

describe('scaling', () => {
  test('creates missing Pods with one write for each Pod, two for the context and few for the status', async () => {
    const world = new World(aSet({ ...v1(), replicas: 20 }));
    await world.run();
    expect(world.ids()).toEqual(Array.from({ length: 20 }, (_, id) => id));
    const { 'patch collasets/status': status = 0, ...writes } = world.takeWrites();
    expect(writes).toEqual({
      'patch collasets': 1,
      'create controllerrevisions': 1,
      'create resourcecontexts': 1,
      'create pods': 20,
      'patch resourcecontexts': 1,
    });
    expect(status).toBeLessThanOrEqual(4);
    expect(world.set().status).toMatchObject({ replicas: 20, availableReplicas: 20, updatedReplicas: 20 });
  });

  test.each([
    { own: undefined, brings: [GATE] },
    { own: [{ conditionType: 'lb' }], brings: [{ conditionType: 'lb' }, GATE] },
    { own: [GATE], brings: [GATE] },
  ])('creates Pods with the readiness gates $brings from a template with $own, so that admission adds none', async ({
    own,
    brings,
  }) => {
    const { metadata, spec } = template('app:v1');
    const world = await running(1, { template: { metadata, spec: own ? { ...spec, readinessGates: own } : spec } });
    expect(world.pods().map((pod) => pod.spec.readinessGates)).toEqual([brings]);
    for (let i = 0; i < 3; i++) await world.pass();
    expect(world.takeWrites()).toEqual({});
  });

  test('writes nothing if nothing is to do (T27)', async () => {
    const world = await running(3);
    for (let i = 0; i < 3; i++) await world.pass();
    expect(world.takeWrites()).toEqual({});
    expect(world.condition('Scale')).toBe('True Scaled');
    expect(world.condition('Update')).toBe('True Updated');
  });

  test('scales in with two writes for each Pod, through the lifecycle', async () => {
    const world = await running(10);
    world.edit({ replicas: 4 });
    await world.run();
    expect(world.ids()).toEqual([0, 1, 2, 3]);
    const { 'patch collasets/status': _, ...writes } = world.takeWrites();
    expect(writes).toEqual({ 'patch pods': 6, 'delete pods': 6, 'patch resourcecontexts': 2 });
    expect(world.context()?.spec.contexts?.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
  });

  test('deletes no Pod without permission, and reports what it waits for', async () => {
    const world = await running(3);
    world.permits = false;
    world.edit({ replicas: 1 });
    await world.run();
    expect(world.ids()).toEqual([0, 1, 2]);
    expect(world.condition('Scale')).toMatch(
      /^Unknown Scaling 2 Pods: podopslifecycle-coordinator has not passed its PreCheck/,
    );
  });

  test('returns Pods to service if the replicas are raised again (T26)', async () => {
    const world = await running(3);
    const before = world.pods().map(({ metadata }) => metadata.uid);
    world.permits = false;
    world.edit({ replicas: 1 });
    await world.run();
    world.edit({ replicas: 3 });
    world.permits = true;
    await world.run();
    expect(world.pods().map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(world.set().status).toMatchObject({ availableReplicas: 3, operatingReplicas: 0 });
    expect(world.context()?.spec.contexts?.every(({ data }) => data?.ScaleIn === undefined)).toBe(true);
  });

  test('deletes the context of a set with 0 replicas (T50)', async () => {
    const world = await running(3);
    world.edit({ replicas: 0 });
    await world.run();
    expect([world.pods().length, world.context()]).toEqual([0, undefined]);
  });

  test('recreates a lost Pod at its own revision, under another name', async () => {
    const world = await running(2);
    world.edit({ ...v2, updateStrategy: partition(1) });
    await world.run();
    for (const pod of world.pods()) world.cluster.remove(PODS, `default/${pod.metadata.name}`);
    await world.run();
    expect(world.images().toSorted()).toEqual(['app:v1', 'app:v2']);
    expect(world.ids()).toEqual([0, 1]);
  });

  test('labels a new Pod as creating and a recreated one as completing', async () => {
    const world = new World(aSet({ ...v1(), replicas: 1 }));
    await world.pass();
    expect(world.pods()[0]?.metadata.labels).toHaveProperty([CREATING_LABEL]);
    for (const pod of world.pods()) world.cluster.remove(PODS, `default/${pod.metadata.name}`);
    await world.pass();
    const labels = world.pods()[0]?.metadata.labels ?? {};
    // The controller never saw the first Pod of the id, so the id still counts as new.
    expect(COMPLETING_LABEL in labels || CREATING_LABEL in labels).toBe(true);
    await world.run();
    for (const pod of world.pods()) world.cluster.remove(PODS, `default/${pod.metadata.name}`);
    await world.pass();
    expect(world.pods()[0]?.metadata.labels).toHaveProperty([COMPLETING_LABEL]);
  });

  test('drains a Pod marked to-delete and recreates it at its revision', async () => {
    const world = await running(2);
    world.edit({ ...v2, updateStrategy: partition(1) });
    await world.run();
    const old = world.pods().find((pod) => pod.spec.containers[0]?.image === 'app:v1');
    world.editPod(old?.metadata.name ?? '', { [TO_DELETE_LABEL]: '1' });
    await world.run();
    expect(world.active().map(({ metadata }) => metadata.name)).not.toContain(old?.metadata.name);
    expect(world.images().toSorted()).toEqual(['app:v1', 'app:v2']);
  });

  test('with sequence names, recreates a Pod in podToDelete once', async () => {
    const world = await running(2, { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } });
    expect(world.pods().map(({ metadata, spec }) => [metadata.name, spec.hostname])).toEqual([
      ['web-0', 'web-0'],
      ['web-1', 'web-1'],
    ]);
    const uid = world.pods()[1]?.metadata.uid;
    world.edit({ scaleStrategy: { podToDelete: ['web-1'] } });
    await world.run();
    const renewed = world.pods()[1]?.metadata.uid;
    expect(renewed).not.toBe(uid);
    expect(world.takeWrites()['create pods']).toBe(1);
    await world.run();
    expect(world.pods()[1]?.metadata.uid).toBe(renewed);
  });

  test('two sets with a shared context do not take ids from each other (T53, T54)', async () => {
    const shared = { scaleStrategy: { context: 'pool' } };
    const world = new World(aSet({ ...v1(), ...shared }));
    const other = aSet({ replicas: 2, ...shared }, { metadata: { name: 'api' } });
    world.cluster.add(COLLA_SETS, other);
    await world.run();
    await world.replica.pass('default/api');
    await world.replica.pass('default/api');
    const entries = world.context('pool')?.spec.contexts?.map(({ id, data }) => [id, data?.Owner]);
    expect(entries).toEqual([
      [0, 'web'],
      [1, 'web'],
      [2, 'web'],
      [3, 'api'],
      [4, 'api'],
    ]);
  });
});

describe('updating', () => {
  test('updates the same Pods in place with three writes each and one for the context', async () => {
    const world = await running(10);
    const before = world.pods().map(({ metadata }) => metadata.uid);
    world.edit(v2);
    await world.run();
    expect(world.pods().map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(new Set(world.images())).toEqual(new Set(['app:v2']));
    const { 'patch collasets/status': _, ...writes } = world.takeWrites();
    expect(writes).toEqual({ 'create controllerrevisions': 1, 'patch pods': 30, 'patch resourcecontexts': 1 });
    expect(world.set().status).toMatchObject({ updatedAvailableReplicas: 10, operatingReplicas: 0 });
    expect(world.set().status?.currentRevision).toBe(world.set().status?.updatedRevision);
  });

  test('recreates Pods with three writes each and two for the context', async () => {
    const world = await running(10);
    const before = new Set(world.pods().map(({ metadata }) => metadata.name));
    world.edit(env);
    await world.run();
    expect(world.pods().some(({ metadata }) => before.has(metadata.name))).toBe(false);
    expect(world.ids()).toEqual(Array.from({ length: 10 }, (_, id) => id));
    const { 'patch collasets/status': _, ...writes } = world.takeWrites();
    expect(writes).toEqual({
      'create controllerrevisions': 1,
      'patch pods': 10,
      'delete pods': 10,
      'create pods': 10,
      'patch resourcecontexts': 2,
    });
  });

  test('follows a partition that is lowered to 2, 1 and 0', async () => {
    const world = await running(3);
    for (const value of [3, 2, 1, 0]) {
      world.edit({ ...v2, updateStrategy: partition(value) });
      await world.run();
      expect(world.images().filter((image) => image === 'app:v2')).toHaveLength(3 - value);
      expect(world.set().status).toMatchObject({ updatedReplicas: 3 - value, availableReplicas: 3 });
    }
  });

  test('chooses the revision of new Pods by the partition (T10)', async () => {
    const world = await running(2);
    world.edit({ ...v2, updateStrategy: partition(2) });
    await world.run();
    world.edit({ replicas: 5, updateStrategy: partition(4) });
    await world.run();
    expect(world.images()).toEqual(['app:v1', 'app:v1', 'app:v1', 'app:v1', 'app:v2']);
  });

  test('returns Pods to service unchanged after a rollback before the permission (T16)', async () => {
    const world = await running(2);
    const before = world.pods().map(({ metadata }) => metadata.uid);
    world.permits = false;
    world.edit(env);
    await world.run();
    world.edit(v1());
    world.permits = true;
    await world.run();
    expect(world.pods().map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(world.set().status).toMatchObject({ availableReplicas: 2, operatingReplicas: 0 });
  });

  test('begins nothing while the set is paused, and continues when it is resumed', async () => {
    const world = await running(2);
    world.edit({ ...v2, replicas: 3, paused: true });
    await world.run();
    expect(world.images()).toEqual(['app:v1', 'app:v1']);
    expect(world.set().status).toMatchObject({ observedGeneration: 2, updatedReplicas: 0 });
    world.edit({ paused: false });
    await world.run();
    expect(world.images()).toEqual(['app:v2', 'app:v2', 'app:v2']);
  });

  test('reports why InPlaceOnly does not update a Pod', async () => {
    const world = await running(2, { updateStrategy: { podUpgradePolicy: 'InPlaceOnly' } });
    world.edit(env);
    await world.run();
    expect(world.condition('Update')).toMatch(
      / and 1 more cannot be updated in place: spec.containers\[0\].env differs$/,
    );
    expect(world.takeWrites()['delete pods']).toBeUndefined();
  });
});

describe('failing', () => {
  const forbidden = { status: 403, reason: 'Forbidden', message: 'exceeded quota' };

  test('reports a refused creation in the condition, continues the update and retries (T8, T31, T66)', async () => {
    const world = await running(2);
    world.cluster.failWrite({ verb: 'create', resource: 'pods', times: 1000, error: forbidden });
    world.edit({ ...v2, replicas: 4 });
    for (let i = 0; i < 8; i++) {
      await world.pass();
      world.others();
      world.clock.advance(1100);
    }
    expect(world.condition('Scale')).toMatch(/^False ScaleOutFailed .*exceeded quota/);
    expect(world.condition('Update')).toMatch(/^True/);
    expect(world.images()).toEqual(['app:v2', 'app:v2']);
    world.cluster.healWrites();
    world.edit({ historyLimit: 3 });
    await world.run();
    expect(world.images()).toEqual(Array(4).fill('app:v2'));
    expect(world.condition('Scale')).toBe('True Scaled');
  });

  test('does not retry failed creations with every event', async () => {
    const world = new World(aSet({ ...v1(), replicas: 50 }));
    world.cluster.failWrite({ verb: 'create', resource: 'pods', times: 1000, error: forbidden });
    for (let i = 0; i < 20; i++) await world.pass();
    expect(world.takeWrites()['create pods']).toBe(4);
  });

  test.each([
    404, 409, 429, 503,
  ])('recovers from creations that fail with %i when the replicas are lowered (T32)', async (status) => {
    const reason =
      { 404: 'NotFound', 409: 'Conflict', 429: 'TooManyRequests', 503: 'ServiceUnavailable' }[status] ?? '';
    const world = new World(aSet({ ...v1(), replicas: 6 }));
    world.cluster.failWrite({ verb: 'create', resource: 'pods', nth: 2, times: 9, error: { status, reason } });
    await world.pass();
    world.edit({ replicas: 2 });
    await world.run();
    expect(world.ids()).toHaveLength(2);
    expect(world.context()?.spec.contexts?.map(({ id }) => id)).toEqual(world.ids());
  });

  test('does not write to a Pod that is newer than the cache until the cache is up to date', async () => {
    const world = await running(2);
    world.replica.caches.pods.pause();
    for (const { metadata } of world.pods()) world.editPod(metadata.name ?? '', { changed: 'x' });
    world.edit({ replicas: 0 });
    for (let i = 0; i < 10; i++) await world.pass();
    expect(world.takeWrites()['patch pods']).toBe(2);
    world.replica.caches.pods.resume();
    await world.run();
    expect(world.pods()).toEqual([]);
  });

  test('updates observedGeneration even if the revision cannot be stored (T64)', async () => {
    const world = await running(1);
    world.cluster.failWrite({ verb: 'create', resource: 'controllerrevisions', times: 9, error: forbidden });
    world.edit(v2);
    await world.pass();
    expect(world.set().status).toMatchObject({ observedGeneration: 2, replicas: 1, availableReplicas: 1 });
    expect(world.condition('Update')).toMatch(/^False UpdateFailed/);
  });

  test('abandons a refused template when the user corrects it', async () => {
    const world = await running(3);
    const invalid = { status: 422, reason: 'Invalid', message: 'no such volume' };
    world.cluster.failWrite({
      verb: 'create',
      resource: 'pods',
      times: 1000,
      error: invalid,
      matching: ({ body }) => JSON.stringify(body).includes('bad:v1'),
    });
    world.edit({ template: template('bad:v1', { env: [{ name: 'A', value: '1' }] }), updateStrategy: partition(1) });
    for (let i = 0; i < 8; i++) {
      await world.pass();
      world.others();
      world.clock.advance(1100);
    }
    expect(world.set().status).toMatchObject({ replicas: 1, updatedReplicas: 0 });
    world.edit({ ...v2, updateStrategy: partition(0) });
    await world.run();
    expect(world.images()).toEqual(['app:v2', 'app:v2', 'app:v2']);
  });

  test('records the ids of existing Pods again if the context is lost (T52)', async () => {
    const world = await running(3);
    world.cluster.remove(RESOURCE_CONTEXTS, 'default/web');
    await world.run();
    expect(world.context()?.spec.contexts?.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(world.takeWrites()['create pods']).toBeUndefined();
  });
});

describe('deleting', () => {
  const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  const remove = (world: World, finalizers: string[] = []) =>
    world.cluster.change(COLLA_SETS, world.key, (set) => ({
      ...set,
      metadata: { ...set.metadata, ...deletion, finalizers: [...(set.metadata.finalizers ?? []), ...finalizers] },
    }));

  test('drains and deletes every Pod before it removes the finalizer (T30)', async () => {
    const world = await running(3);
    world.permits = false;
    remove(world);
    await world.run();
    expect(world.ids()).toEqual([0, 1, 2]);
    for (const pod of world.pods()) {
      expect(pod.metadata.labels).toHaveProperty([TO_DELETE_LABEL]);
      expect(operationsOf(pod)).toMatchObject([{ id: 'pod-delete', type: 'delete', stage: 'PreCheck' }]);
    }
    expect(world.condition('Terminating')).toMatch(
      /^False ReclaimingTargetsDeletion 3 Pods: podopslifecycle-coordinator has not passed its PreCheck/,
    );
    world.permits = true;
    await world.run();
    expect(world.pods()).toEqual([]);
    expect(world.cluster.get(RESOURCE_CONTEXTS, 'default/web')).toBeUndefined();
    expect(world.cluster.get(COLLA_SETS, world.key)?.metadata.finalizers ?? []).not.toContain(COLLASET_FINALIZER);
    // One write for each Pod: the mark and the start of the operation. The coordinator deletes the Pod.
    const { 'patch pods': pods, 'delete pods': deletions } = world.takeWrites();
    expect([pods, deletions]).toEqual([3, undefined]);
  });

  test('completes a running scale-in of a Pod, and does not wait for Pods that have ended', async () => {
    const world = await running(3);
    world.permits = false;
    world.edit({ replicas: 2 });
    await world.run();
    const leaving = world.active().find((pod) => operationsOf(pod).length > 0);
    const ended = world.active().find((pod) => operationsOf(pod).length === 0);
    world.cluster.change<Pod>(PODS, `default/${ended?.metadata.name}`, (pod) => ({
      ...pod,
      status: { ...pod.status, phase: 'Failed' },
    }));
    world.takeWrites();
    remove(world);
    world.permits = true;
    await world.run();
    expect(world.pods().map(({ metadata }) => metadata.name)).toEqual([ended?.metadata.name]);
    expect(world.pods()[0]?.metadata.labels).not.toHaveProperty([TO_DELETE_LABEL]);
    expect(world.takeWrites()).toMatchObject({ 'delete pods': 1, 'patch pods': 1 });
    expect(leaving).toBeDefined();
    expect(world.cluster.get(COLLA_SETS, world.key)?.metadata.finalizers ?? []).not.toContain(COLLASET_FINALIZER);
  });

  test('with --cascade=orphan, removes the finalizer and does not touch any Pod', async () => {
    const world = await running(3);
    remove(world, ['orphan']);
    await world.run();
    expect(world.ids()).toEqual([0, 1, 2]);
    expect(world.cluster.get(COLLA_SETS, world.key)?.metadata.finalizers ?? []).not.toContain(COLLASET_FINALIZER);
    const { 'patch collasets': set, ...writes } = world.takeWrites();
    expect([set, writes]).toEqual([1, { 'delete resourcecontexts': 1, 'patch controllerrevisions': 1 }]);
  });

  test('releases a Pod that the selector no longer matches, and creates another one', async () => {
    const world = await running(2);
    const [first] = world.pods();
    world.editPod(first?.metadata.name ?? '', { app: 'other' });
    await world.run();
    const released = world.cluster.get(PODS, `default/${first?.metadata.name}`);
    expect(released?.metadata.ownerReferences ?? []).toEqual([]);
    expect(world.ids()).toEqual([0, 1]);
    expect(released?.metadata.labels).toHaveProperty([REVISION_LABEL]);
  });
});
