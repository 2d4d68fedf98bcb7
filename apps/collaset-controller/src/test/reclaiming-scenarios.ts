// Scenarios in which the lists of spec.scaleStrategy empty themselves.
import { expect } from 'vitest';
import { POD_LISTS } from '../collaset/plan/reclaim.ts';
import { data, type Scenario, sequence } from './scenarios.ts';
import { idOf, type World } from './world.ts';

const named = (world: World, id: number) => world.active().find((pod) => idOf(pod) === id)?.metadata.name ?? '';
const settings = { reclaimScaleStrategy: true };
const served = { scaleStrategy: {} };

/** Checks that no list has a name left. */
const check = (world: World) => {
  const set = world.set();
  expect(POD_LISTS.flatMap((list) => set.spec.scaleStrategy?.[list] ?? [])).toEqual([]);
  expect(set.status?.observedGeneration).toBe(set.metadata.generation);
};

export const reclaimingScenarios: readonly Scenario[] = [
  {
    name: 'a list of deletions that empties itself',
    spec: served,
    settings,
    act: (world) => world.edit({ scaleStrategy: { podToDelete: [named(world, 0), named(world, 1)] } }),
    // Recreated Pods may exist before the deleted ones are gone.
    most: 4,
    ids: [0, 1],
    images: 'app:v1',
    check,
  },
  {
    name: 'podToDelete that empties itself, with sequence names',
    spec: { ...sequence, ...served },
    settings,
    act: (world) => world.edit({ scaleStrategy: { podToDelete: ['web-1'] } }),
    ids: [0, 1],
    images: 'app:v1',
    check(world) {
      check(world);
      // A name that is added again later is another request.
      expect(world.context()?.spec.contexts?.map(({ data }) => data?.PodToDeleteServed)).toEqual([
        undefined,
        undefined,
      ]);
    },
  },
  {
    name: 'a list of exclusions that empties itself, with claims',
    spec: { ...data('1Gi'), ...served },
    settings,
    act: (world) => world.edit({ replicas: 1, scaleStrategy: { podToExclude: [named(world, 0)] } }),
    ids: [1],
    images: 'app:v1',
    claims: [0, 1],
    check,
  },
  {
    name: 'a list of inclusions that empties itself, with claims',
    spec: { ...data('1Gi'), ...served },
    settings,
    before: async (world) => {
      world.edit({ replicas: 1, scaleStrategy: { podToExclude: [named(world, 0)] } });
      await world.run();
    },
    act(world) {
      const ours = new Set(world.active());
      const podToInclude = world.pods().flatMap((pod) => (ours.has(pod) ? [] : (pod.metadata.name ?? [])));
      world.edit({ replicas: 2, scaleStrategy: { podToInclude } });
    },
    ids: [0, 1],
    images: 'app:v1',
    claims: [0, 1],
    check,
  },
];
