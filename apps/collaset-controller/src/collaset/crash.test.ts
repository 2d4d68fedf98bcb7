// If another replica takes over with stale caches, no Pod exists twice at any time, and no instance id is lost. faults.test.ts covers failed
// writes and crashes.
import { COLLA_SETS, INSTANCE_ID_LABEL, keyOf, PODS, type Pod, RESOURCE_CONTEXTS } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { movingScenarios } from '../test/moving-scenarios.ts';
import { reclaimingScenarios } from '../test/reclaiming-scenarios.ts';
import { anew, begin, checkEnd, scenarios, template } from '../test/scenarios.ts';
import { Replica, World } from '../test/world.ts';

describe('two replicas', () => {
  /** After each pass of one replica, another one with stale caches takes over. */
  test.each([
    ...scenarios,
    ...movingScenarios,
    ...reclaimingScenarios,
  ])('$name: another replica takes over with stale caches', async (scenario) => {
    for (const behind of [['pods'], ['contexts'], ['pods', 'contexts']] as const) {
      for (let passes = 0; passes < 6; passes++) {
        const world = await begin(scenario);
        const successor = new Replica({ cluster: world.cluster, clock: world.clock, settings: scenario.settings });
        for (const cache of behind) successor.caches[cache].pause();
        // Some kinds may be stored in a separate etcd, whose versions are far ahead of those of all other kinds.
        successor.caches.pods.resourceVersion = () => 10n ** 18n;
        for (let i = 0; i < passes; i++) {
          await world.pass();
          world.others();
          world.clock.advance(5000);
        }
        world.replica = successor;
        for (let i = 0; i < 4; i++) {
          await world.pass();
          world.checkInvariants();
          world.others();
          world.clock.advance(5000);
        }
        for (const cache of behind) successor.caches[cache].resume();
        await world.run();
        checkEnd(world, scenario);
      }
    }
  });

  test('a replica that takes a set over again with stale caches creates no Pod twice', async () => {
    const world = new World(aSet({ template: template('app:v1'), replicas: 1 }));
    await world.run();
    const { replica } = world;
    const rounds = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await world.pass();
        world.checkInvariants();
        world.others();
        world.clock.advance(5000);
      }
    };
    // The first replica is about to recreate the Pod and has made all its fresh reads.
    const refusal = { status: 500, reason: 'InternalError' };
    world.cluster.failWrite({ verb: 'create', resource: 'pods', times: 1000, error: refusal });
    world.edit({ template: anew });
    await rounds(8);
    expect(world.pods()).toEqual([]);
    world.cluster.healWrites();
    for (const cache of ['pods', 'contexts'] as const) replica.caches[cache].pause();
    // The second replica creates the Pod. The Pod is lost and recreated under another name.
    world.replica = new Replica({ cluster: world.cluster, clock: world.clock });
    await rounds(3);
    for (const { metadata } of world.pods()) world.cluster.remove(PODS, `default/${metadata.name}`);
    await rounds(3);
    expect(world.pods()).toHaveLength(1);
    world.replica = replica;
    replica.term++;
    world.clock.advance(120_000);
    await rounds(4);
    for (const cache of ['pods', 'contexts'] as const) replica.caches[cache].resume();
    await world.run();
    expect([world.ids(), world.images()]).toEqual([[0], ['app:v2']]);
  });

  test('a late creation is refused because its name is taken', async () => {
    const world = new World(aSet({ template: template('app:v1'), replicas: 1 }));
    await world.run();
    const [pod] = world.pods();
    const late = { ...pod, metadata: { ...pod?.metadata, resourceVersion: '', uid: '' } } as Pod;
    await expect(world.cluster.client.create(PODS, late)).rejects.toThrow('AlreadyExists');
  });

  test('a Pod that was created twice is drained and deleted, and the recorded one stays', async () => {
    const world = new World(aSet({ template: template('app:v1'), replicas: 2 }));
    await world.run();
    const [pod] = world.pods();
    const { uid: _, resourceVersion: __, ...metadata } = pod?.metadata ?? {};
    world.cluster.add(PODS, { ...pod, metadata: { ...metadata, name: 'web-late', uid: 'late' } } as Pod);
    for (let i = 0; i < 6; i++) {
      await world.pass();
      world.others();
      world.clock.advance(5000);
    }
    expect(world.active().map(({ metadata }) => metadata.name)).not.toContain('web-late');
    expect(world.ids()).toEqual([0, 1]);
  });
});

test('does not overwrite a context that another set has changed', async () => {
  const shared = { scaleStrategy: { context: 'pool' } };
  const world = new World(aSet({ template: template('app:v1'), ...shared }));
  const other = aSet({ replicas: 2, ...shared }, { metadata: { name: 'api' } });
  world.cluster.add(COLLA_SETS, other);
  const second = new Replica({ cluster: world.cluster, clock: world.clock });
  second.caches.contexts.pause();
  await world.pass();
  await second.pass(keyOf(other));
  second.caches.contexts.resume();
  await second.pass(keyOf(other));
  const entries = world.cluster.get(RESOURCE_CONTEXTS, 'default/pool')?.spec.contexts ?? [];
  expect(entries.map(({ id, data }) => [id, data?.Owner])).toEqual([
    [0, 'web'],
    [1, 'web'],
    [2, 'web'],
    [3, 'api'],
    [4, 'api'],
  ]);
  const ids = world.pods().map((pod) => pod.metadata.labels?.[INSTANCE_ID_LABEL]);
  expect(new Set(ids).size).toBe(5);
});
