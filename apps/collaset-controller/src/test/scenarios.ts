// Changes of a set and their expected results, for tests that disturb the set on the way.
import { COLLA_SETS, type CollaSet, INSTANCE_ID_LABEL, PERSISTENT_VOLUME_CLAIMS } from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { expect } from 'vitest';
import type { Settings } from '../collaset/act/deps.ts';
import { aSet } from './builders.ts';
import { World } from './world.ts';

export const template = (image: string, more: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image, ...more }] },
});
export const anew = template('app:v2', { env: [{ name: 'A', value: '1' }] });
export const sequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' as const } };
export const data = (storage: string) => ({
  volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage } } } }],
});
const asking = (cpu: string) => ({ resources: { requests: { cpu }, limits: {} } });
const partition = (count: number) => ({ rollingUpdate: { byPartition: { partition: count } } });

export type Scenario = {
  name: string;
  spec?: Given<CollaSet>['spec'];
  settings?: Partial<Settings>;
  /** If true, the test disturbs the set from its first Pod on. Otherwise it disturbs the set from `act` on. */
  isNew?: true;
  /** The steps before the disturbance. */
  before?: (world: World) => Promise<void>;
  act: (world: World) => void | Promise<void>;
  /** The highest number of Pods at any time. By default, the higher of the numbers before and after. */
  most?: number;
  /** Ids of the Pods at the end. */
  ids: readonly number[];
  /** If true, only the number of ids counts, because the ids depend on the order of the writes. */
  anyIds?: true;
  /** The images at the end, sorted by id; one string for all Pods. */
  images: readonly string[] | string;
  /** Instance ids of the claims at the end. */
  claims?: readonly number[];
  /** Checks what else must hold at the end. */
  check?: (world: World) => void;
};

export const scenarios: readonly Scenario[] = [
  {
    name: 'scale out',
    act: (world) => world.edit({ replicas: 4 }),
    ids: [0, 1, 2, 3],
    images: 'app:v1',
  },
  { name: 'scale in', act: (world) => world.edit({ replicas: 1 }), ids: [0], images: 'app:v1' },
  {
    name: 'update in place',
    act: (world) => world.edit({ template: template('app:v2') }),
    ids: [0, 1],
    images: 'app:v2',
  },
  {
    name: 'update by recreation',
    act: (world) => world.edit({ template: anew }),
    ids: [0, 1],
    images: 'app:v2',
  },
  {
    name: 'update by recreation, with sequential names',
    spec: sequence,
    act: (world) => world.edit({ template: anew }),
    ids: [0, 1],
    images: 'app:v2',
  },
  {
    name: 'update by recreation and scale-out at the same time',
    act: (world) => world.edit({ replicas: 3, template: anew }),
    ids: [0, 1, 2],
    images: 'app:v2',
  },
];

const retained = {
  ...data('1Gi'),
  scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' as const } },
};

/** Further scenarios, for tests that disturb only the writes. */
export const moreScenarios: readonly Scenario[] = [
  {
    name: 'the first Pods, with claims',
    isNew: true,
    spec: data('1Gi'),
    act: () => {},
    ids: [0, 1],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'partition',
    act: (world) => world.edit({ template: template('app:v2'), updateStrategy: partition(1) }),
    ids: [0, 1],
    images: ['app:v1', 'app:v2'],
  },
  {
    name: 'partition and scale out at once',
    act: (world) => world.edit({ replicas: 3, template: anew, updateStrategy: partition(2) }),
    ids: [0, 1, 2],
    images: ['app:v1', 'app:v1', 'app:v2'],
  },
  {
    name: 'scale in with claims',
    spec: data('1Gi'),
    act: (world) => world.edit({ replicas: 1 }),
    ids: [0],
    images: 'app:v1',
    claims: [0],
  },
  {
    name: 'other claims',
    spec: data('1Gi'),
    act: (world) => world.edit(data('2Gi')),
    ids: [0, 1],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'other resources and another image',
    spec: { template: template('app:v1', asking('1')) },
    act: (world) => world.edit({ template: template('app:v2', asking('2')) }),
    ids: [0, 1],
    images: 'app:v2',
    check: (world) =>
      // A Pod that was recreated from the revision has no empty maps.
      expect(
        world.active().map(({ spec }) => ({ limits: {}, requests: {}, ...spec.containers[0]?.resources })),
      ).toEqual([asking('2').resources, asking('2').resources]),
  },
  {
    name: 'created again with fewer replicas, with claims that stay',
    isNew: true,
    spec: retained,
    before: async (world) => {
      await world.run();
      world.cluster.finishTermination(COLLA_SETS, world.key);
      await world.run();
      world.cluster.add(COLLA_SETS, aSet({ template: template('app:v1'), replicas: 1, ...retained }));
      // The new set has the uid of the deleted one, which the old replica would not accept.
      world.restart();
    },
    act: () => {},
    ids: [0],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'created again with fewer replicas, with claims that stay',
    isNew: true,
    spec: retained,
    before: async (world) => {
      await world.run();
      world.cluster.finishTermination(COLLA_SETS, world.key);
      await world.run();
      world.cluster.add(COLLA_SETS, aSet({ template: template('app:v1'), replicas: 1, ...retained }));
      // The new set has the uid of the deleted one, which the old replica would not accept.
      world.restart();
    },
    act: () => {},
    ids: [0],
    images: 'app:v1',
    claims: [0, 1],
  },
  {
    name: 'deletion with retained claims',
    spec: retained,
    act: (world) => world.cluster.finishTermination(COLLA_SETS, world.key),
    ids: [],
    images: [],
    claims: [0, 1],
  },
];

const beginnings = new Map<Scenario, Promise<World>>();

/** The world of the scenario after `act`. */
export async function begin(scenario: Scenario): Promise<World> {
  // The steps before `act` are always the same and take as long as the rest, so they run once.
  const beginning = beginnings.get(scenario) ?? beginningOf(scenario);
  beginnings.set(scenario, beginning);
  const world = scenario.isNew ? await beginningOf(scenario) : await (await beginning).copy();
  await scenario.act(world);
  world.takeWrites();
  return world;
}

async function beginningOf({ spec = {}, settings, isNew, before }: Scenario): Promise<World> {
  const world = new World(aSet({ template: template('app:v1'), replicas: 2, ...spec }), settings);
  if (!isNew) await world.run();
  await before?.(world);
  return world;
}

/** Checks that the set has reached the expected result and nothing else is left. */
export function checkEnd(world: World, { ids: exact, anyIds, images, claims = [], check }: Scenario): void {
  check?.(world);
  const ids = anyIds ? world.ids() : exact;
  expect(world.ids()).toEqual(ids);
  expect(ids).toHaveLength(exact.length);
  expect(world.images()).toEqual(typeof images === 'string' ? ids.map(() => images) : images);
  const entries = world.context()?.spec.contexts?.map(({ id, data }) => [id, Object.keys(data ?? {}).filter(isMark)]);
  expect(entries ?? []).toEqual(ids.map((id) => [id, []]));
  const claimed = world.cluster.list(PERSISTENT_VOLUME_CLAIMS).map(({ metadata }) => metadata.labels);
  expect(claimed.map((labels) => Number(labels?.[INSTANCE_ID_LABEL])).toSorted()).toEqual(claims);
  const set = world.cluster.get(COLLA_SETS, world.key);
  if (ids.length === 0) expect(set).toBeUndefined();
  else {
    expect(set?.status).toMatchObject({
      availableReplicas: ids.length,
      operatingReplicas: 0,
      terminatingReplicas: 0,
    });
  }
}

const isMark = (key: string) => /^(Pod|Replace|ScaleIn)/.test(key);
