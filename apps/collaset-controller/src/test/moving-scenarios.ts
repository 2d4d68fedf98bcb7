// Scenarios of replacements, exclusions and inclusions.
import { COLLA_SETS, TO_DELETE_LABEL, TO_EXCLUDE_LABEL, TO_REPLACE_LABEL } from '@kuperator/api';
import { anew, data, type Scenario, sequence, template } from './scenarios.ts';
import { idOf, type World } from './world.ts';

const named = (world: World, id: number) => world.active().find((pod) => idOf(pod) === id)?.metadata.name ?? '';
const letGo = (world: World) => {
  const ours = new Set(world.active());
  return world.pods().flatMap((pod) => (ours.has(pod) ? [] : (pod.metadata.name ?? [])));
};
const byReplacing = { updateStrategy: { podUpgradePolicy: 'Replace' as const } };
const retained = {
  ...data('1Gi'),
  scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain' as const } },
};

export const movingScenarios: readonly Scenario[] = [
  {
    name: 'replacement by label, with claims',
    spec: retained,
    act: (world) => world.editPod(named(world, 1), { [TO_REPLACE_LABEL]: '1' }),
    most: 3,
    ids: [0, 2],
    images: 'app:v1',
    claims: [0, 2],
  },
  {
    name: 'replacement by label, by sequence',
    spec: sequence,
    act: (world) => world.editPod(named(world, 1), { [TO_REPLACE_LABEL]: '1' }),
    most: 3,
    ids: [0, 2],
    anyIds: true,
    images: 'app:v1',
  },
  {
    name: 'replacement that is cancelled, with claims',
    spec: retained,
    before: async (world) => {
      world.stuck.add('app:v1');
      world.editPod(named(world, 1), { [TO_REPLACE_LABEL]: '1' });
      await world.run();
    },
    act: (world) => world.editPod(named(world, 1), { [TO_REPLACE_LABEL]: null }),
    most: 3,
    ids: [0, 1],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'update by replacing',
    spec: byReplacing,
    act: (world) => world.edit({ template: anew }),
    most: 4,
    ids: [2, 3],
    anyIds: true,
    images: 'app:v2',
  },
  {
    name: 'another template while replacing',
    spec: byReplacing,
    before: async (world) => {
      world.stuck.add('app:v2');
      world.edit({ template: anew });
      await world.run();
    },
    act: (world) => world.edit({ template: template('app:v3') }),
    most: 4,
    ids: [2, 3],
    anyIds: true,
    images: 'app:v3',
  },
  {
    name: 'rollback while replacing',
    spec: byReplacing,
    before: async (world) => {
      world.stuck.add('app:v2');
      world.edit({ template: anew });
      await world.run();
    },
    act: (world) => world.edit({ template: template('app:v1') }),
    most: 4,
    ids: [0, 1],
    images: 'app:v1',
  },
  {
    name: 'another policy while replacing',
    spec: byReplacing,
    before: async (world) => {
      world.stuck.add('app:v2');
      world.edit({ template: anew });
      await world.run();
    },
    act: (world) =>
      world.edit({ template: template('app:v3'), updateStrategy: { podUpgradePolicy: 'InPlaceIfPossible' } }),
    most: 4,
    ids: [0, 1],
    images: 'app:v3',
  },
  {
    name: 'scale in of a pair',
    before: async (world) => {
      world.stuck.add('app:v1');
      world.editPod(named(world, 1), { [TO_REPLACE_LABEL]: '1' });
      await world.run();
    },
    act: (world) => world.edit({ replicas: 1, scaleStrategy: { podToDelete: [named(world, 1)] } }),
    most: 3,
    ids: [0],
    images: 'app:v1',
  },
  {
    name: 'scale in of a Pod that is to be deleted, with claims',
    spec: data('1Gi'),
    act: (world) => {
      world.editPod(named(world, 0), { [TO_DELETE_LABEL]: '1' });
      world.edit({ replicas: 1 });
    },
    ids: [1],
    images: 'app:v1',
    claims: [1],
  },
  {
    name: 'deletion of a Pod that is being scaled in, and wanted again',
    before: async (world) => {
      world.permits = false;
      world.edit({ replicas: 1 });
      await world.run();
    },
    act: (world) => {
      world.permits = true;
      world.editPod(named(world, 1), { [TO_DELETE_LABEL]: '1' });
      world.edit({ replicas: 2 });
    },
    ids: [0, 1],
    images: 'app:v1',
  },
  {
    name: 'deletion of the set while a Pod is replaced and another scaled in',
    spec: { replicas: 3 },
    before: async (world) => {
      world.stuck.add('app:v1');
      world.editPod(named(world, 0), { [TO_REPLACE_LABEL]: '1' });
      await world.run();
      world.permits = false;
      world.edit({ replicas: 2 });
      await world.run();
    },
    act: (world) => {
      world.permits = true;
      world.cluster.finishTermination(COLLA_SETS, world.key);
    },
    most: 4,
    ids: [],
    images: [],
  },
  {
    name: 'exclusion, with claims',
    spec: data('1Gi'),
    act: (world) => world.editPod(named(world, 1), { [TO_EXCLUDE_LABEL]: '1' }),
    most: 3,
    ids: [0, 1],
    images: 'app:v1',
    claims: [0, 1, 1],
  },
  {
    name: 'exclusion and scale-in at the same time',
    spec: data('1Gi'),
    act: (world) => world.edit({ replicas: 1, scaleStrategy: { podToExclude: [named(world, 0)] } }),
    ids: [1],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'inclusion of an excluded Pod',
    spec: data('1Gi'),
    before: async (world) => {
      world.edit({ replicas: 1, scaleStrategy: { podToExclude: [named(world, 0)] } });
      await world.run();
    },
    act: (world) => world.edit({ replicas: 2, scaleStrategy: { podToInclude: letGo(world) } }),
    ids: [0, 1],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'inclusion of a Pod whose id is taken',
    spec: data('1Gi'),
    before: async (world) => {
      world.edit({ scaleStrategy: { podToExclude: [named(world, 1)] } });
      await world.run();
    },
    act: (world) => world.edit({ replicas: 3, scaleStrategy: { podToInclude: letGo(world) } }),
    ids: [0, 1, 2],
    images: 'app:v1',
    claims: [0, 1, 2],
  },
];
