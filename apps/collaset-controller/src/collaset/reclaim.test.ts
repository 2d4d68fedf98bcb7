// With the setting reclaimScaleStrategy, names are removed from the lists of spec.scaleStrategy when their request is done. faults.test.ts and
// crash.test.ts cover failures on the way.
import { COLLA_SETS, type CollaSet, controllerOf, keyOf, ORPHANED_LABEL, PODS, type Pod } from '@kuperator/api';
import type { Write } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aSet } from '../test/builders.ts';
import { sequence, template } from '../test/scenarios.ts';
import { idOf, World } from '../test/world.ts';
import { listsWithout, type PodList, servedNames } from './plan/reclaim.ts';

const on = { reclaimScaleStrategy: true };

describe('served names are', () => {
  const ours = aMember({ id: 0, name: 'ours' });
  const nobodys = { ...ours, metadata: { ...ours.metadata, name: 'nobodys', ownerReferences: [] } };
  const pods = new Map([
    ['ours', ours],
    ['nobodys', nobodys],
  ]);

  test.each<{
    name: string;
    list: PodList;
    names: string[];
    served: string[];
    others?: { [list in PodList]?: string[] };
  }>([
    { name: 'Pods to delete that are gone', list: 'podToDelete', names: ['gone', 'ours', 'nobodys'], served: ['gone'] },
    {
      name: 'Pods to delete that were recreated under their name',
      list: 'podToDelete',
      names: ['renewed'],
      served: ['renewed'],
    },
    {
      name: 'Pods to exclude that are not ours',
      list: 'podToExclude',
      names: ['ours', 'nobodys', 'gone'],
      served: ['nobodys', 'gone'],
    },
    {
      name: 'Pods to include that are ours',
      list: 'podToInclude',
      names: ['ours', 'nobodys', 'gone'],
      served: ['ours'],
    },
    { name: 'names that are there twice, once', list: 'podToDelete', names: ['gone', 'gone'], served: ['gone'] },
    {
      name: 'none that is to go out and in',
      list: 'podToInclude',
      names: ['ours'],
      others: { podToExclude: ['ours'] },
      served: [],
    },
  ])('$name', ({ list, names, others = {}, served }) => {
    const set = aSet({ scaleStrategy: { ...others, [list]: names } });
    const podNamed = (name: string) => (name === 'renewed' ? ours : pods.get(name));
    expect(servedNames({ set, podNamed, renewed: new Set(['renewed']) })).toEqual(
      served.map((name) => ({ list, name })),
    );
  });

  test('removed from their list wherever they occur, and others stay', () => {
    const set = aSet({ scaleStrategy: { podToDelete: ['a', 'b', 'a'], podToExclude: ['c'], podToInclude: ['a'] } });
    const served = [
      { list: 'podToDelete', name: 'a' },
      { list: 'podToExclude', name: 'c' },
    ] as const;
    expect(listsWithout(set, served)).toEqual({ podToDelete: ['b'], podToExclude: null });
  });
});

async function running(spec: Parameters<typeof aSet>[0] = {}, settings: object = on): Promise<World> {
  const world = new World(aSet({ template: template('app:v1'), replicas: 2, ...spec }), settings);
  await world.run();
  world.takeWrites();
  return world;
}

const nameOf = (world: World, id: number) => world.active().find((pod) => idOf(pod) === id)?.metadata.name ?? '';
const listsOf = (world: World) => world.set().spec.scaleStrategy ?? {};
const isReclaim = ({ resource, body }: Write) =>
  resource === 'collasets' && (body as { spec?: object } | undefined)?.spec !== undefined;

describe('a list', () => {
  test('stays unchanged unless the setting is on', async () => {
    const world = await running({}, {});
    const podToDelete = [nameOf(world, 0)];
    world.edit({ scaleStrategy: { podToDelete } });
    await world.run();
    expect(listsOf(world)).toEqual({ podToDelete });
  });

  test('becomes empty in one write', async () => {
    const world = await running();
    world.edit({ scaleStrategy: { podToDelete: [nameOf(world, 0), nameOf(world, 1), 'long-gone'] } });
    await world.run();
    expect(listsOf(world)).toEqual({});
    // `long-gone` is removed immediately, the others when their Pods are gone.
    expect(world.cluster.writes.filter(isReclaim)).toHaveLength(2);
    world.takeWrites();
    await world.run();
    expect(world.takeWrites()).toEqual({});
  });

  test('keeps names whose request is not done yet', async () => {
    const world = await running();
    world.permits = false;
    const [name] = [nameOf(world, 1)];
    world.edit({ scaleStrategy: { podToDelete: ['gone', name], podToInclude: ['to-come'] } });
    await world.run();
    expect(listsOf(world)).toEqual({ podToDelete: [name], podToInclude: ['to-come'] });
  });

  test('keeps a name that the user adds at the same moment', async () => {
    const world = await running();
    world.permits = false;
    const name = nameOf(world, 1);
    world.edit({ scaleStrategy: { podToDelete: ['gone'] } });
    const before = () => world.edit({ scaleStrategy: { podToDelete: ['gone', name] } });
    world.cluster.failWrite({ matching: isReclaim, before, error: { status: 409, reason: 'Conflict' } });
    await world.pass();
    expect(listsOf(world)).toEqual({ podToDelete: ['gone', name] });
    await world.run();
    expect(listsOf(world)).toEqual({ podToDelete: [name] });
    expect([...world.replica.warnings]).toEqual([]);
  });

  test('keeps the names of Pods that the cache does not show yet', async () => {
    const world = await running();
    world.replica.caches.pods.pause();
    const [pod] = world.active();
    const late = { ...pod, metadata: { ...pod?.metadata, name: 'late', uid: 'late' } } as Pod;
    world.cluster.add(PODS, late);
    world.edit({ scaleStrategy: { podToDelete: ['late'] } });
    await world.pass();
    expect(listsOf(world)).toEqual({ podToDelete: ['late'] });
  });

  test('keeps the name of a Pod to include that was just excluded', async () => {
    const world = await running();
    const name = nameOf(world, 1);
    world.replica.caches.pods.pause();
    world.cluster.change<Pod>(PODS, `default/${name}`, ({ metadata, ...pod }) => ({
      ...pod,
      metadata: { ...metadata, ownerReferences: [] },
    }));
    world.edit({ scaleStrategy: { podToInclude: [name] } });
    await world.pass();
    expect(listsOf(world)).toEqual({ podToInclude: [name] });
    world.replica.caches.pods.resume();
    await world.run();
    expect(listsOf(world)).toEqual({});
    expect(world.ids()).toHaveLength(2);
  });

  test('is reported and retried if it cannot be written', async () => {
    const world = await running();
    world.edit({ scaleStrategy: { podToDelete: ['gone'] } });
    world.cluster.failWrite({ matching: isReclaim, error: { status: 403, reason: 'Forbidden' } });
    await world.pass();
    expect(world.replica.warnings).toContain('ReclaimScaleStrategy');
    await world.run();
    expect(listsOf(world)).toEqual({});
  });

  test('stays while the set is paused', async () => {
    const world = await running();
    world.edit({ paused: true, scaleStrategy: { podToDelete: ['gone'] } });
    await world.run();
    expect(listsOf(world)).toEqual({ podToDelete: ['gone'] });
  });
});

test('exclusion and inclusion empty their lists, and set and remove the label orphaned', async () => {
  const world = await running();
  const name = nameOf(world, 0);
  const pod = () => world.cluster.get<Pod>(PODS, `default/${name}`);
  world.edit({ replicas: 1, scaleStrategy: { podToExclude: [name] } });
  await world.run();
  expect([listsOf(world), pod()?.metadata.labels?.[ORPHANED_LABEL]]).toEqual([{}, 'true']);
  world.edit({ replicas: 2, scaleStrategy: { podToInclude: [name] } });
  await world.run();
  expect([listsOf(world), pod()?.metadata.labels?.[ORPHANED_LABEL]]).toEqual([{}, undefined]);
  expect(pod() && controllerOf(pod() as Pod)?.name).toBe('web');
});

describe('by sequence', () => {
  const uidOf = (world: World) => world.cluster.get<Pod>(PODS, 'default/web-1')?.metadata.uid;

  test('recreates a Pod once for each time that the list names it', async () => {
    const world = await running(sequence);
    const uids = [uidOf(world)];
    for (let time = 0; time < 3; time++) {
      world.edit({ scaleStrategy: { podToDelete: ['web-1'] } });
      await world.run();
      expect(listsOf(world)).toEqual({});
      uids.push(uidOf(world));
    }
    expect(new Set(uids).size).toBe(4);
  });

  test('treats a name that is added again immediately as another request', async () => {
    const world = await running(sequence);
    const first = uidOf(world);
    let renewed: string | undefined;
    // A user may wait for the list to become empty before they add the name again.
    const stop = world.cluster.informer<CollaSet>(COLLA_SETS).onChange(({ object, old }) => {
      const isEmptied = old?.spec.scaleStrategy?.podToDelete && !object.spec.scaleStrategy?.podToDelete;
      if (keyOf(object) !== world.key || !isEmptied || renewed !== undefined) return;
      renewed = uidOf(world);
      world.edit({ scaleStrategy: { podToDelete: ['web-1'] } });
    });
    world.edit({ scaleStrategy: { podToDelete: ['web-1'] } });
    await world.run();
    stop();
    expect(listsOf(world)).toEqual({});
    expect(new Set([first, renewed, uidOf(world)]).size).toBe(3);
  });
});
