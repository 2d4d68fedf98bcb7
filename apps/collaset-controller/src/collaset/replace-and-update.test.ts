// An update of a Pod that is being replaced, under every policy and with further changes by the user. The origin stays in traffic until its
// successor serves, and everything completes. See docs/decisions/0016-replaced-pods-stay-in-traffic.md.
import {
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  TO_REPLACE_LABEL,
  updatePolicyOf,
} from '@kuperator/api';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { template } from '../test/scenarios.ts';
import { World } from '../test/world.ts';

type Policy = 'Recreate' | 'InPlaceIfPossible' | 'InPlaceOnly' | 'Replace';
const policies: readonly Policy[] = ['Recreate', 'InPlaceIfPossible', 'InPlaceOnly', 'Replace'];

type Mind = {
  name: string;
  change: (world: World, origin: string) => void;
  /** Image of the Pod at the end. */
  image: string;
  /** False if the origin is no longer replaced, so that an update may take it out of traffic. */
  isReplaced: boolean;
};

const to = (policy: Policy, partition = 0) => ({
  updateStrategy: { podUpgradePolicy: policy, rollingUpdate: { byPartition: { partition } } },
});

const minds: readonly Mind[] = [
  { name: 'seen through', change: () => {}, image: 'app:v2', isReplaced: true },
  {
    name: 'rolled back',
    change: (world) => world.edit({ template: template('app:v1') }),
    image: 'app:v1',
    isReplaced: true,
  },
  {
    name: 'gone on with to a third revision',
    change: (world) => world.edit({ template: template('app:v3') }),
    image: 'app:v3',
    isReplaced: true,
  },
  {
    name: 'put out of scope by a partition',
    change: (world) => world.edit(to(updatePolicyOf(world.set()), 1)),
    image: 'app:v1',
    isReplaced: true,
  },
  { name: 'paused', change: (world) => world.edit({ paused: true }), image: 'app:v2', isReplaced: true },
  {
    name: 'no longer to replace the Pod',
    change: (world, origin) => world.editPod(origin, { [TO_REPLACE_LABEL]: null }),
    image: 'app:v2',
    isReplaced: false,
  },
  ...policies.map((policy) => ({
    name: `under ${policy} all at once`,
    change: (world: World) => world.edit(to(policy)),
    image: 'app:v2',
    isReplaced: true,
  })),
];

const PAIR_LABELS = [
  TO_REPLACE_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
];

/** A Pod that is being replaced by a Pod that does not become ready, and an update whose Pods do not become ready either. */
async function met(policy: Policy): Promise<{ world: World; origin: string; checkServes: () => void }> {
  const world = new World(aSet({ template: template('app:v1'), replicas: 1, ...to(policy) }));
  await world.run();
  const [pod] = world.active();
  const origin = pod?.metadata.name ?? '';
  for (const image of ['app:v1', 'app:v2', 'app:v3']) world.stuck.add(image);
  world.editPod(origin, { [TO_REPLACE_LABEL]: '1' });
  await world.run();
  world.edit({ template: template('app:v2') });
  await world.run();
  const checkServes = () => {
    const found = world.active().find(({ metadata }) => metadata.name === origin);
    expect(found && isServiceAvailable(found)).toBe(true);
    expect(found && operationsOf(found)).toEqual([]);
  };
  return { world, origin, checkServes };
}

describe.each(policies)('an update with the policy %s of a Pod that is being replaced', (policy) => {
  test('updates its successor', async () => {
    const { world, checkServes } = await met(policy);
    checkServes();
    expect(world.images().toSorted()).toEqual(['app:v1', 'app:v2']);
    expect(world.set().status?.operatingReplicas).toBe(0);
  });

  test.each(minds)('$name: reaches the last requested state', async ({ change, image, isReplaced }) => {
    const { world, origin, checkServes } = await met(policy);
    change(world, origin);
    await world.run();
    if (isReplaced) checkServes();
    world.stuck.clear();
    if (world.set().spec.paused) world.edit({ paused: false });
    await world.run();
    const pods = world.active();
    expect(world.images()).toEqual([image]);
    for (const pod of pods) {
      expect([isServiceAvailable(pod), operationsOf(pod)]).toEqual([true, []]);
      for (const label of PAIR_LABELS) expect(pod.metadata.labels).not.toHaveProperty([label]);
    }
    if (isReplaced) expect(pods.map(({ metadata }) => metadata.name)).not.toContain(origin);
    expect(world.context()?.spec.contexts?.map(({ id }) => id)).toEqual(world.ids());
  });
});

test('cancels a running update of a Pod that is then to be replaced', async () => {
  const world = new World(aSet({ template: template('app:v1'), replicas: 1 }));
  await world.run();
  const [pod] = world.active();
  const origin = pod?.metadata.name ?? '';
  world.permits = false;
  world.stuck.add('app:v2');
  world.edit({ template: template('app:v2') });
  await world.run();
  const operations = () => {
    const found = world.active().find(({ metadata }) => metadata.name === origin);
    return found && operationsOf(found).map(({ type }) => type);
  };
  expect(operations()).toEqual(['update']);
  world.editPod(origin, { [TO_REPLACE_LABEL]: '1' });
  world.permits = true;
  await world.run();
  expect(operations()).toEqual([]);
  expect(world.images().toSorted()).toEqual(['app:v1', 'app:v2']);
});
