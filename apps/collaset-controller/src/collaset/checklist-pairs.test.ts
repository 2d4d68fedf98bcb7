// Assertions of the Go implementation's test suites about replaced, excluded and included Pods, see docs/conformance/collaset.md.
import {
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  ORPHANED_LABEL,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  PVC_TEMPLATE_HASH_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  RESOURCE_CONTEXTS,
  REVISION_LABEL,
  SERVICE_AVAILABLE_LABEL,
  TO_EXCLUDE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { operationsOf } from '@kuperator/lifecycle';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { running, tuple } from '../test/running.ts';
import { idOf, World } from '../test/world.ts';

const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image }] },
});
const withClaims = {
  volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } }],
};

const entries = (world: World) => world.context()?.spec.contexts?.map(({ id }) => id) ?? [];
const podNamed = (world: World, name: string) => world.cluster.get<Pod>(PODS, `default/${name}`);

/** A set whose Pods do not become ready and one of which is being replaced. */
async function pairOf(replicas: number): Promise<{ world: World; origin: string; successor: string }> {
  const world = new World(aSet({ template: template('app:bad'), replicas }));
  world.stuck.add('app:bad');
  await world.run();
  const origin = world.active().find((pod) => idOf(pod) === 0)?.metadata.name ?? '';
  world.editPod(origin, { [TO_REPLACE_LABEL]: '1' });
  await world.run();
  const isNew = ({ metadata }: Pod) => metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] === origin;
  const successor = world.active().find(isNew)?.metadata.name ?? '';
  return { world, origin, successor };
}

/** Makes only the successor ready. */
async function serve(world: World, name: string): Promise<void> {
  world.cluster.change<Pod>(PODS, `default/${name}`, (pod) => ({
    ...pod,
    status: { ...pod.status, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  }));
  await world.run();
}

describe('a Pod that is being replaced', () => {
  test('keeps the origin until the successor serves (T37)', async () => {
    const { world, origin, successor } = await pairOf(2);
    expect(tuple(world)).toEqual([3, 0, 0, 3, 3]);
    await serve(world, successor);
    expect([podNamed(world, origin), world.active().length]).toEqual([undefined, 2]);
    expect(podNamed(world, successor)?.metadata.labels).not.toHaveProperty([REPLACE_PAIR_ORIGIN_NAME_LABEL]);
  });

  test('is not excluded before the replacement ends, and the set keeps its successor', async () => {
    const { world, origin, successor } = await pairOf(2);
    world.edit({ replicas: 1, scaleStrategy: { podToExclude: [origin] } });
    await world.run();
    expect(tuple(world)).toEqual([3, 0, 0, 3, 3]);
    await serve(world, successor);
    expect([podNamed(world, origin), world.active().length, entries(world).length]).toEqual([undefined, 1, 1]);
  });

  test('its successor is excluded after the replacement, and the set creates another Pod', async () => {
    const { world, origin, successor } = await pairOf(2);
    world.edit({ replicas: 1, scaleStrategy: { podToExclude: [successor] } });
    await world.run();
    expect(tuple(world)).toEqual([3, 0, 0, 3, 3]);
    await serve(world, successor);
    expect(podNamed(world, origin)).toBeUndefined();
    expect(podNamed(world, successor)?.metadata.ownerReferences).toEqual([]);
    expect([world.active().length, entries(world).length]).toEqual([1, 1]);
  });

  test.each([
    { name: 'the origin', names: (origin: string) => [origin] },
    { name: 'both', names: (origin: string, successor: string) => [successor, origin] },
  ])('with 0 replicas and $name in podToDelete, deletes both Pods (T28)', async ({ names }) => {
    const { world, origin, successor } = await pairOf(1);
    world.edit({ replicas: 0, scaleStrategy: { podToDelete: names(origin, successor) } });
    await world.run();
    expect([tuple(world), world.context()]).toEqual([[0, 0, 0, 0, 0], undefined]);
  });

  test('with 0 replicas and the successor in podToDelete, keeps both Pods until the successor serves', async () => {
    const { world, successor } = await pairOf(1);
    world.edit({ replicas: 0, scaleStrategy: { podToDelete: [successor] } });
    await world.run();
    expect(tuple(world)).toEqual([2, 0, 0, 2, 2]);
    await serve(world, successor);
    expect([tuple(world), world.context()]).toEqual([[0, 0, 0, 0, 0], undefined]);
  });
});

describe('the origin of a pair is gone when its object is', () => {
  /** An origin that a finalizer keeps although its successor serves. */
  async function lingering() {
    const pair = await pairOf(1);
    const { world, origin, successor } = pair;
    const hold = (finalizers: string[]) =>
      world.cluster.change<Pod>(PODS, `default/${origin}`, (pod) => ({
        ...pod,
        metadata: { ...pod.metadata, finalizers },
      }));
    hold(['example.com/hold']);
    await serve(world, successor);
    const found = podNamed(world, origin);
    expect(found && isTerminating(found)).toBe(true);
    return { ...pair, release: () => hold([]) };
  }

  test('a successor in podToDelete is scaled in only after the replacement, and then the context is deleted', async () => {
    const { world, successor, release } = await lingering();
    world.edit({ replicas: 0, scaleStrategy: { podToDelete: [successor] } });
    await world.run();
    expect(podNamed(world, successor) && operationsOf(podNamed(world, successor) as Pod)).toEqual([]);
    release();
    await world.run();
    expect([tuple(world), world.pods(), world.context()]).toEqual([[0, 0, 0, 0, 0], [], undefined]);
  });

  test('its new Pod says until then whose place it takes', async () => {
    const { world, origin, successor, release } = await lingering();
    expect(podNamed(world, successor)?.metadata.labels).toMatchObject({ [REPLACE_PAIR_ORIGIN_NAME_LABEL]: origin });
    release();
    await world.run();
    expect(podNamed(world, successor)?.metadata.labels).not.toHaveProperty([REPLACE_PAIR_ORIGIN_NAME_LABEL]);
    expect(tuple(world)).toEqual([1, 1, 1, 1, 1]);
  });

  test('scaled in before it was named, the new Pod goes on leaving', async () => {
    const { world, successor, release } = await lingering();
    world.permits = false;
    world.edit({ replicas: 0 });
    await world.run();
    world.edit({ scaleStrategy: { podToDelete: [successor] } });
    await world.run();
    expect(operationsOf(podNamed(world, successor) as Pod)).toMatchObject([{ type: 'scale-in' }]);
    world.permits = true;
    release();
    await world.run();
    expect(world.pods()).toEqual([]);
  });
});

describe('a replacement', () => {
  test('keeps the origin if cancelled before the successor serves, and the successor if cancelled later (T36)', async () => {
    const early = await pairOf(1);
    early.world.editPod(early.origin, { [TO_REPLACE_LABEL]: null });
    await early.world.run();
    expect(early.world.active().map(({ metadata }) => metadata.name)).toEqual([early.origin]);

    const late = await pairOf(1);
    late.world.permits = false;
    await serve(late.world, late.successor);
    late.world.editPod(late.successor, { [SERVICE_AVAILABLE_LABEL]: '1' });
    late.world.editPod(late.origin, { [TO_REPLACE_LABEL]: null });
    await late.world.run();
    late.world.permits = true;
    await late.world.run();
    expect(late.world.active().map(({ metadata }) => metadata.name)).toEqual([late.successor]);
  });

  test('of a successor begins only after its origin is gone (T38)', async () => {
    const { world, origin, successor } = await pairOf(1);
    world.editPod(successor, { [TO_REPLACE_LABEL]: '1' });
    await world.run();
    expect(world.active().map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining([origin, successor]));
    expect(world.active()).toHaveLength(2);
  });

  test('continues after the entries of both Pods are lost (T39)', async () => {
    const { world, origin, successor } = await pairOf(1);
    world.cluster.remove(RESOURCE_CONTEXTS, 'default/web');
    await world.run();
    expect(entries(world)).toHaveLength(2);
    await serve(world, successor);
    expect(podNamed(world, origin)).toBeUndefined();
    expect(world.active().map(({ metadata }) => metadata.name)).toEqual([successor]);
    expect(entries(world)).toEqual(world.ids());
  });

  test('does not begin for a Pod that is scaled in (T40)', async () => {
    const world = await running(2);
    world.permits = false;
    world.edit({ replicas: 1 });
    await world.run();
    const leaving = world.active().find((pod) => operationsOf(pod).length > 0)?.metadata.name ?? '';
    world.editPod(leaving, { [TO_REPLACE_LABEL]: '1' });
    await world.run();
    expect(world.active()).toHaveLength(2);
    world.permits = true;
    await world.run();
    expect([podNamed(world, leaving), world.active().length]).toEqual([undefined, 1]);
  });
});

describe('a Pod that is excluded', () => {
  test('and included by the same spec stays as it is, which an Event reports (T29)', async () => {
    const world = await running(2);
    const name = world.active()[0]?.metadata.name ?? '';
    world.edit({ scaleStrategy: { podToExclude: [name], podToInclude: [name] } });
    await world.run();
    expect(world.active().map(({ metadata }) => metadata.name)).toContain(name);
    expect(world.replica.warnings).toContain('DupExIncludedTarget');
  });

  test('by label needs no list (T29)', async () => {
    const world = await running(2);
    const name = world.active()[0]?.metadata.name ?? '';
    world.editPod(name, { [TO_EXCLUDE_LABEL]: 'true' });
    await world.run();
    expect(podNamed(world, name)?.metadata.ownerReferences).toEqual([]);
    expect(podNamed(world, name)?.metadata.labels).not.toHaveProperty([TO_EXCLUDE_LABEL]);
    expect(tuple(world)).toEqual([2, 2, 2, 2, 2]);
  });

  test('is released with its claim, and both are included again with their id', async () => {
    const world = await running(3, withClaims);
    const pod = world.active().find((candidate) => idOf(candidate) === 1);
    const name = pod?.metadata.name ?? '';
    const claimKey = `default/${pod?.spec.volumes?.[0]?.persistentVolumeClaim?.claimName}`;
    const claim = () => world.cluster.get<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS, claimKey);
    const marks = () => [podNamed(world, name), claim()].map((object) => object?.metadata.labels?.[ORPHANED_LABEL]);
    const owners = () => [podNamed(world, name), claim()].map((object) => object && controllerOf(object)?.name);

    world.edit({ replicas: 2, scaleStrategy: { podToExclude: [name] } });
    await world.run();
    expect([marks(), owners()]).toEqual([
      ['true', 'true'],
      [undefined, undefined],
    ]);
    expect([tuple(world), entries(world)]).toEqual([
      [2, 2, 2, 2, 2],
      [0, 2],
    ]);

    world.edit({ replicas: 3, scaleStrategy: { podToInclude: [name] } });
    await world.run();
    expect([marks(), owners()]).toEqual([
      [undefined, undefined],
      ['web', 'web'],
    ]);
    expect(claim()?.metadata.labels?.[INSTANCE_ID_LABEL]).toBe('1');
    expect([tuple(world), entries(world)]).toEqual([
      [3, 3, 3, 3, 3],
      [0, 1, 2],
    ]);
  });

  test('from a set of other claim templates, and included here, gets claims of this set with the next update', async () => {
    const world = await running(1, { ...withClaims, updateStrategy: { rollingUpdate: { byLabel: {} } } });
    const [pod] = world.active();
    const [claim] = world.cluster.list<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    const foreign = {
      [INSTANCE_ID_LABEL]: '7',
      [PVC_TEMPLATE_HASH_LABEL]: 'another',
      [REVISION_LABEL]: 'api-1',
      [ORPHANED_LABEL]: 'true',
    };
    const nobodys = ({ metadata }: Pod | PersistentVolumeClaim, name: string) => ({
      name,
      namespace: 'default',
      labels: { ...metadata.labels, ...foreign },
    });
    world.cluster.add(PERSISTENT_VOLUME_CLAIMS, {
      ...claim,
      metadata: nobodys(claim as PersistentVolumeClaim, 'foreign'),
      spec: { ...claim?.spec, resources: { requests: { storage: '5Gi' } } },
    } as PersistentVolumeClaim);
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'foreign' } }];
    const spec = { ...pod?.spec, volumes };
    world.cluster.add(PODS, { ...pod, metadata: nobodys(pod as Pod, 'foreign'), spec } as Pod);
    const owners = () =>
      [podNamed(world, 'foreign'), world.cluster.get(PERSISTENT_VOLUME_CLAIMS, 'default/foreign')].map(
        (object) => object && controllerOf(object)?.name,
      );

    world.edit({ replicas: 2, scaleStrategy: { podToInclude: ['foreign'] } });
    await world.run();
    expect([owners(), world.ids()]).toEqual([
      ['web', 'web'],
      [0, 7],
    ]);
    world.edit({ scaleStrategy: {}, updateStrategy: { rollingUpdate: {} } });
    await world.run();
    expect([owners(), tuple(world)]).toEqual([
      [undefined, undefined],
      [2, 2, 2, 2, 2],
    ]);
    expect(world.cluster.list(PERSISTENT_VOLUME_CLAIMS)).toHaveLength(2);
  });

  test('and included without a revision, counts as old and is recreated by the next update', async () => {
    const world = await running(3);
    const name = world.active()[0]?.metadata.name ?? '';
    world.edit({ replicas: 2, scaleStrategy: { podToExclude: [name] } });
    await world.run();
    world.editPod(name, { [REVISION_LABEL]: null });
    const stays = { rollingUpdate: { byPartition: { partition: 3 } } };
    world.edit({ replicas: 3, scaleStrategy: { podToInclude: [name] }, updateStrategy: stays });
    await world.run();
    expect(tuple(world)).toEqual([3, 3, 3, 2, 3]);
    world.edit({
      template: template('app:v2'),
      scaleStrategy: {},
      updateStrategy: { rollingUpdate: { byPartition: { partition: 0 } } },
    });
    await world.run();
    const found = podNamed(world, name);
    expect([tuple(world), found && !isTerminating(found)]).toEqual([[3, 3, 3, 3, 3], undefined]);
  });
});
