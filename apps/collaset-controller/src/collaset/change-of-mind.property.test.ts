// Whatever a user changes, at any time and however often, the set reaches the last requested state and nothing is stuck (T16, T49).
import { type CollaSet, partitionOf, replicasOf } from '@kuperator/api';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { World } from '../test/world.ts';
import { revisionNameOf } from './ids/members.ts';

type Spec = CollaSet['spec'];

/** A pseudo-random generator (mulberry32), so that a failing seed can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const pick = <T>(random: (below: number) => number, items: readonly T[]): T => items[random(items.length)] as T;

function template(random: (below: number) => number): Spec['template'] {
  const image = pick(random, ['app:v1', 'app:v2', 'app:v3']);
  const cpu = pick(random, ['1', '2']);
  const sidecar = { name: 'proxy', image: pick(random, ['p:v1', 'p:v2']), restartPolicy: 'Always' };
  const env = random(4) === 0 ? { env: [{ name: 'A', value: '1' }] } : {};
  return {
    metadata: { labels: { app: 'web' }, annotations: { note: pick(random, ['a', 'b']) } },
    spec: {
      containers: [{ name: 'app', image, resources: { requests: { cpu } }, ...env }],
      initContainers: [sidecar],
    },
  };
}

function claims(storage: string): NonNullable<Spec['volumeClaimTemplates']> {
  const spec = { storageClassName: 'expandable', resources: { requests: { storage } } };
  return [{ metadata: { name: 'data' }, spec }] as NonNullable<Spec['volumeClaimTemplates']>;
}

function someChange(random: (below: number) => number): Partial<Spec> {
  switch (random(7)) {
    case 0:
    case 1:
      return { template: template(random) };
    case 2:
      return { paused: random(2) === 0 };
    case 3:
      return { replicas: random(5) };
    case 4:
      return { volumeClaimTemplates: claims(pick(random, ['1Gi', '2Gi'])) };
    default: {
      const podUpgradePolicy = pick(random, ['InPlaceIfPossible', 'Recreate', 'InPlaceOnly'] as const);
      const rollingUpdate = { byPartition: { partition: random(4) } };
      return { updateStrategy: { podUpgradePolicy, rollingUpdate } };
    }
  }
}

async function playedOut(seed: number): Promise<World> {
  const random = randomFrom(seed);
  const world = new World(aSet({ template: template(random), volumeClaimTemplates: claims('1Gi') } as never));
  if (random(2) === 0) await world.run();
  for (let changes = 2 + random(8); changes > 0; changes--) {
    world.edit(someChange(random));
    world.permits = random(3) > 0;
    for (let steps = random(6); steps > 0; steps--) {
      if (random(12) === 0) world.restart();
      if (random(10) === 0) world.cluster.failWrite({ error: 'connection', takesEffect: random(2) === 0 });
      await world.pass();
      world.checkInvariants();
      if (random(3) > 0) world.others();
      world.clock.advance(random(6000));
    }
  }
  world.cluster.healWrites();
  world.permits = true;
  return world;
}

function checkNothingStuck(world: World): void {
  for (const pod of world.active()) {
    expect(operationsOf(pod), `operations of ${pod.metadata.name}`).toEqual([]);
    expect(isServiceAvailable(pod), `${pod.metadata.name} in service`).toBe(true);
  }
}

describe('a user who changes their mind', () => {
  test.each(
    Array.from({ length: 10 }, (_, index) => index * 5 + 1),
  )('is obeyed in the end (seeds from %i on)', async (first) => {
    for (let seed = first; seed < first + 5; seed++) {
      const world = await playedOut(seed);
      await world.run(200);
      const set = world.set();
      const wanted = replicasOf(set);
      checkNothingStuck(world);
      expect(set.status, `seed ${seed}`).toMatchObject({
        observedGeneration: set.metadata.generation,
        operatingReplicas: 0,
        availableReplicas: world.active().length,
      });
      if (set.spec.paused) world.edit({ paused: false });
      await world.run(200);
      expect(world.active(), `seed ${seed}`).toHaveLength(wanted);
      const updated = () => world.active().filter((pod) => revisionNameOf(pod) === world.set().status?.updatedRevision);
      const isBlocked = world.condition('Update').startsWith('False');
      if (!isBlocked) expect(updated().length, `seed ${seed}`).toBeGreaterThanOrEqual(wanted - partitionOf(set));
      checkNothingStuck(world);

      // Without partition and pause, the set must complete the update.
      world.edit({ updateStrategy: {} });
      await world.run(200);
      expect(updated(), `seed ${seed}`).toHaveLength(wanted);
      const { containers, initContainers } = world.set().spec.template.spec;
      for (const { spec } of world.active()) {
        expect(spec.containers[0]?.image).toBe(containers[0]?.image);
        expect(spec.containers[0]?.resources?.requests).toEqual(containers[0]?.resources?.requests);
        expect(spec.initContainers?.[0]?.image).toBe(initContainers?.[0]?.image);
      }
      expect(world.condition('Progressing')).toBe('True Complete');
      expect(world.condition('Stalled')).toBe('False NotStalled');
      world.takeWrites();
      for (let i = 0; i < 3; i++) await world.pass();
      expect(world.takeWrites(), `seed ${seed}`).toEqual({});
    }
  });
});
