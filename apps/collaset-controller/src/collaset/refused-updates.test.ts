// Refused updates of single Pods, on the in-memory cluster. No Pod stays out of service for a refused update (T101, T102).
import {
  type CollaSet,
  LAST_POD_STATUS_ANNOTATION,
  PODS,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
  REVISION_LABEL,
} from '@kuperator/api';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';
import { aCondition, type Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { World } from '../test/world.ts';
import { REFUSED_UPDATE_ANNOTATION } from './plan/refusal.ts';

type Spec = Given<CollaSet>['spec'];
const template = (image: string, cpu = '1', more: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image, resources: { requests: { cpu } }, ...more }] },
});
const policy = (podUpgradePolicy: 'InPlaceOnly' | 'Recreate' | 'InPlaceIfPossible') => ({
  updateStrategy: { podUpgradePolicy },
});

async function running(spec: Spec = {}): Promise<World> {
  const world = new World(aSet({ template: template('app:v1'), replicas: 2, ...spec }));
  await world.run();
  world.takeWrites();
  return world;
}

/** The number of passes, two seconds apart. Enough for Pods to return to service, and too few for the later attempts. */
async function rounds(world: World, count = 6): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.pass();
    world.others();
    world.clock.advance(500);
  }
}

const uids = (world: World) => world.active().map(({ metadata }) => metadata.uid);
const cpus = (world: World) => world.active().map(({ spec }) => spec.containers[0]?.resources?.requests?.cpu);
const serving = (world: World) => world.active().filter((pod) => isServiceAvailable(pod)).length;
const operating = (world: World) => world.active().filter((pod) => operationsOf(pod).length > 0).length;
const noted = (world: World) =>
  world.active().filter(({ metadata }) => metadata.annotations?.[REFUSED_UPDATE_ANNOTATION] !== undefined).length;
const changesOf = (world: World) => {
  const { 'patch pods': pods = 0 } = world.takeWrites();
  return pods;
};

const invalid = { status: 422, reason: 'Invalid', message: 'ValidatingAdmissionPolicy says no' };
const isChange = ({ body }: { body: unknown }) => JSON.stringify(body).includes(LAST_POD_STATUS_ANNOTATION);
function refuseChanges(world: World, error: { status: number; reason: string; message?: string } = invalid): void {
  for (const dryRun of [false, true]) {
    const matching = ({ body, subresource }: { body: unknown; subresource: string | undefined }) =>
      subresource === undefined && isChange({ body }) && JSON.stringify(body).includes('app:v2');
    world.cluster.failWrite({ verb: 'patch', resource: 'pods', times: 10_000, dryRun, error, matching });
  }
}

describe('a change in place that is refused', () => {
  test('returns the Pod to service with the reason, and takes no other Pod out of service', async () => {
    const world = await running({ ...policy('InPlaceOnly'), replicas: 4 });
    const before = uids(world);
    refuseChanges(world);
    // One Pod is permitted and refused before the others begin.
    world.permits = false;
    world.edit({ template: template('app:v2') });
    await world.pass();
    world.permits = true;
    await rounds(world);
    expect(serving(world)).toBe(4);
    expect(operating(world)).toBe(0);
    expect(world.condition('Update')).toMatch(/^False UpdateFailed .*ValidatingAdmissionPolicy says no/);
    expect(world.replica.warnings).toContain('UpdateFailed');
    expect([uids(world), new Set(world.images())]).toEqual([before, new Set(['app:v1'])]);
    expect(noted(world)).toBe(4);
    // The next attempts are dry runs.
    world.takeWrites();
    world.clock.advance(60_000);
    await rounds(world);
    expect(changesOf(world)).toBe(0);
    expect(serving(world)).toBe(4);
  });

  test('continues by itself when its obstacle is gone, and removes the recorded refusal', async () => {
    const world = await running(policy('InPlaceOnly'));
    refuseChanges(world);
    world.edit({ template: template('app:v2') });
    await rounds(world);
    expect(world.images()).toEqual(['app:v1', 'app:v1']);
    world.cluster.healWrites();
    world.clock.advance(60_000);
    await world.run();
    expect(world.images()).toEqual(['app:v2', 'app:v2']);
    expect([noted(world), world.condition('Update')]).toEqual([0, 'True Updated']);
  });

  test('recreates the Pod if the policy allows it and a new Pod is admitted', async () => {
    const world = await running();
    const before = new Set(uids(world));
    refuseChanges(world);
    world.edit({ template: template('app:v2') });
    await world.run();
    expect(uids(world).filter((uid) => before.has(uid))).toEqual([]);
    expect(world.images()).toEqual(['app:v2', 'app:v2']);
    expect(serving(world)).toBe(2);
  });

  test('is not begun again immediately by a restarted replica', async () => {
    const world = await running(policy('InPlaceOnly'));
    refuseChanges(world);
    world.edit({ template: template('app:v2') });
    await rounds(world);
    world.restart();
    world.takeWrites();
    await rounds(world, 3);
    expect(changesOf(world)).toBe(0);
    expect(world.condition('Update')).toContain('ValidatingAdmissionPolicy says no');
    world.edit({ template: template('app:v3') });
    await world.run();
    expect(world.images()).toEqual(['app:v3', 'app:v3']);
  });

  test('that only fails is retried for half a minute before its Pod returns to service', async () => {
    const world = await running({ replicas: 1 });
    const before = uids(world);
    refuseChanges(world, { status: 500, reason: 'InternalError', message: 'failed calling webhook' });
    world.edit({ template: template('app:v2') });
    await rounds(world, 10);
    expect([serving(world), operating(world)]).toEqual([0, 1]);
    for (let i = 0; i < 12; i++) {
      await rounds(world, 1);
      world.clock.advance(3000);
    }
    await rounds(world, 3);
    expect(uids(world)).toEqual(before);
    expect(serving(world)).toBe(1);
    expect(world.condition('Update')).toMatch(/^False UpdateFailed .*failed calling webhook/);
  });

  test('keeps the old Pod in service if admission refuses its deletion', async () => {
    const world = await running(policy('Recreate'));
    const before = uids(world);
    world.cluster.failWrite({
      verb: 'delete',
      resource: 'pods',
      times: 100,
      error: { status: 403, reason: 'Forbidden', message: 'protected' },
    });
    world.edit({ template: template('app:v2') });
    await rounds(world);
    expect([uids(world), serving(world), operating(world)]).toEqual([before, 2, 0]);
    for (const { metadata } of world.active()) expect(metadata.labels).not.toHaveProperty([PREPARING_TO_DELETE_LABEL]);
    expect(world.condition('Update')).toMatch(/protected/);
  });
});

const overQuota = (requested: string, used: string, limited: string) => ({
  status: 403,
  reason: 'Forbidden',
  message: `pods "x" is forbidden: exceeded quota: q, requested: requests.cpu=${requested}, used: requests.cpu=${used}, limited: requests.cpu=${limited}`,
});

describe('a resize that is refused', () => {
  const refuseResize = (world: World, dryRun: boolean, error: { status: number; reason: string; message: string }) =>
    world.cluster.failWrite({
      verb: 'patch',
      resource: 'pods',
      times: 10_000,
      dryRun,
      error,
      matching: ({ subresource, body }) => subresource === 'resize' && JSON.stringify(body).includes('"2"'),
    });

  test('by a quota does not begin or recreate the Pod, and continues when the quota has room', async () => {
    const world = await running();
    const before = uids(world);
    refuseResize(world, true, overQuota('1', '2', '2'));
    world.edit({ template: template('app:v1', '2') });
    await rounds(world);
    expect([uids(world), serving(world), operating(world)]).toEqual([before, 2, 0]);
    expect(changesOf(world)).toBe(0);
    expect(world.condition('Update')).toMatch(/^False UpdateFailed .*exceeded quota: q/);
    world.cluster.healWrites();
    world.clock.advance(60_000);
    await world.run();
    expect([uids(world), cpus(world)]).toEqual([before, ['2', '2']]);
    expect(world.condition('Update')).toBe('True Updated');
  });

  test('after the change was written reverts the Pod with its images, and returns it to service', async () => {
    const world = await running();
    const before = uids(world);
    const [revision] = world.active().map(({ metadata }) => metadata.labels?.[REVISION_LABEL]);
    refuseResize(world, false, overQuota('1', '2', '2'));
    world.edit({ template: template('app:v2', '2') });
    await rounds(world, 8);
    expect([uids(world), world.images(), cpus(world)]).toEqual([before, ['app:v1', 'app:v1'], ['1', '1']]);
    expect([serving(world), operating(world), noted(world)]).toEqual([2, 0, 2]);
    expect(world.active().map(({ metadata }) => metadata.labels?.[REVISION_LABEL])).toEqual([revision, revision]);
    world.cluster.healWrites();
    world.clock.advance(600_000);
    await world.run();
    expect([uids(world), world.images(), cpus(world)]).toEqual([before, ['app:v2', 'app:v2'], ['2', '2']]);
    expect(noted(world)).toBe(0);
  });

  test('leaves the Pods unchanged if every node is too small, and recreates them if only their own is', async () => {
    const world = await running();
    const before = uids(world);
    Object.assign(world.room, { shortage: 'node n has 1 cpu in all', fits: false });
    world.edit({ template: template('app:v1', '5000') });
    await rounds(world);
    expect([uids(world), serving(world), operating(world)]).toEqual([before, 2, 0]);
    expect(world.condition('Update')).toMatch(/node n has 1 cpu/);
    world.room.fits = true;
    world.clock.advance(60_000);
    await world.run();
    // The revision of the Pods has Go's spelling.
    expect(cpus(world)).toEqual(['5k', '5k']);
    expect(uids(world).filter((uid) => before.includes(uid))).toEqual([]);
  });

  test.each([
    { reason: 'Infeasible', waitMs: 0 },
    { reason: 'Deferred', waitMs: 30_000 },
  ])('by the kubelet as $reason is reverted if no other node is known to have room', async ({ reason, waitMs }) => {
    const world = await running({ replicas: 1 });
    const before = uids(world);
    world.room.fits = false;
    world.edit({ template: template('app:v1', '2') });
    const isResizing = (pod: Pod) => pod.spec.containers[0]?.resources?.requests?.cpu === '2';
    for (let i = 0; i < 20 && !world.active().some(isResizing); i++) {
      await world.pass();
      if (!world.active().some(isResizing)) world.others();
      world.clock.advance(1000);
    }
    const [pod] = world.active();
    const lastTransitionTime = new Date(world.clock.now()).toISOString();
    world.cluster.change<Pod>(PODS, `default/${pod?.metadata.name}`, (old) => {
      const pending = aCondition('PodResizePending', true, { reason, message: 'no room', lastTransitionTime });
      return { ...old, status: { ...old.status, conditions: [...(old.status?.conditions ?? []), pending] } };
    });
    world.clock.advance(waitMs);
    await rounds(world);
    expect([uids(world), cpus(world), serving(world), operating(world)]).toEqual([before, ['1'], 1, 0]);
    expect(world.condition('Update')).toMatch(/^False UpdateFailed .*no room/);
  });
});

describe('a Pod that is recreated with a larger size', () => {
  const larger = { template: template('app:v1', '2'), ...policy('Recreate') };
  const refuseCreation = (world: World, error: ReturnType<typeof overQuota>) =>
    world.cluster.failWrite({ verb: 'create', resource: 'pods', times: 10_000, dryRun: true, error });

  test('is kept if a quota would refuse the new Pod', async () => {
    const world = await running(policy('Recreate'));
    const before = uids(world);
    refuseCreation(world, overQuota('2', '2', '2'));
    world.edit(larger);
    await rounds(world);
    expect([uids(world), serving(world), operating(world)]).toEqual([before, 2, 0]);
    expect(world.condition('Update')).toMatch(/exceeded quota/);
  });

  test('is recreated one at a time if the quota has room only after the deletion of the old Pod', async () => {
    const world = await running(policy('Recreate'));
    refuseCreation(world, overQuota('2', '2', '3'));
    world.edit(larger);
    let most = 0;
    for (let i = 0; i < 20; i++) {
      await world.pass();
      most = Math.max(most, 2 - world.active().length);
      world.others();
      world.clock.advance(5000);
    }
    expect([most, cpus(world)]).toEqual([1, ['2', '2']]);
  });
});

test('labels the Pod before its deletion if an operation turns into one (T101)', async () => {
  const world = await running({ replicas: 1 });
  world.stuck.add('app:v2');
  world.edit({ template: template('app:v2') });
  await rounds(world, 4);
  expect([serving(world), world.images()]).toEqual([0, ['app:v2']]);
  const marks: (string | undefined)[] = [];
  world.cluster.failWrite({
    verb: 'delete',
    resource: 'pods',
    times: 10,
    takesEffect: true,
    error: 'connection',
    before: ({ name }) => {
      const pod = world.cluster.get<Pod>(PODS, `default/${name}`);
      marks.push(pod?.metadata.labels?.[PREPARING_TO_DELETE_LABEL]);
    },
  });
  world.edit({ template: template('app:v3', '1', { env: [{ name: 'A', value: 'b' }] }) });
  await world.run();
  expect(marks).toEqual([expect.any(String)]);
  expect([world.images(), serving(world)]).toEqual([['app:v3'], 1]);
});

test('an operation that waits for its permission can turn into a deletion and back', async () => {
  const world = await running({ replicas: 1 });
  world.permits = false;
  const isMarked = () => PREPARING_TO_DELETE_LABEL in (world.active()[0]?.metadata.labels ?? {});
  const seen: boolean[] = [];
  for (const spec of [template('app:v2'), template('app:v2', '1', { env: [] }), template('app:v3')]) {
    world.edit({ template: spec });
    if (spec.spec.containers[0]?.image === 'app:v2' && 'env' in (spec.spec.containers[0] ?? {})) {
      world.edit({ template: template('app:v2', '1', { env: [{ name: 'A', value: 'b' }] }) });
    }
    await world.run();
    seen.push(isMarked());
  }
  expect(seen).toEqual([false, true, false]);
});
