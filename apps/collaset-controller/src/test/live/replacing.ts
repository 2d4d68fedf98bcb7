import {
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  RESOURCE_CONTEXTS,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { BAD, claims, idOf, nameOf, partition, template, uids, whenScaledRetain } from './objects.ts';
import { isLeaving, pairOf, pretendToServe } from './pairs.ts';

export function replacing(sets: LiveSets): void {
  const { get, create, edit, label, ownedBy, figures, serving, entriesOf, recorded, isGone } = sets;

  test('replaces a Pod with the label to-replace by one of the same revision, and deletes the claim of the origin', async () => {
    const name = 'replaced';
    await create(name, { replicas: 1, ...claims(), scaleStrategy: whenScaledRetain });
    const [origin] = await serving(name, 1);
    await label(nameOf(origin), { [TO_REPLACE_LABEL]: '1' });
    await isGone(PODS, nameOf(origin));
    const [successor] = await serving(name, 1);
    const id = successor ? idOf(successor) : -1;
    await recorded(name, [id]);
    await eventually(async () => {
      const { labels } = (await get(PODS, nameOf(successor))).metadata;
      expect(labels).not.toHaveProperty([TO_REPLACE_LABEL]);
      expect(labels).not.toHaveProperty([REPLACE_PAIR_ORIGIN_NAME_LABEL]);
      expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(idOf)).toEqual([id]);
    });
  });

  test('deletes the successor and its claim if the replacement is cancelled', async () => {
    const name = 'taken-back';
    await create(name, { replicas: 1, template: template(name, BAD), ...claims(), scaleStrategy: whenScaledRetain });
    const [origin] = await figures(name, [1, 0, 0, 1, 1]);
    const before = await eventually(async () => {
      const entries = await entriesOf(name);
      expect(entries.map(({ data: entry }) => Object.keys(entry ?? {}).toSorted())).toEqual([['Owner', 'Revision']]);
      return entries;
    });
    await label(nameOf(origin), { [TO_REPLACE_LABEL]: '1' });
    await figures(name, [2, 0, 0, 2, 2]);
    expect(await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).toHaveLength(2);
    await label(nameOf(origin), { [TO_REPLACE_LABEL]: null });
    const [left] = await figures(name, [1, 0, 0, 1, 1]);
    expect(left?.metadata.uid).toBe(origin?.metadata.uid);
    await eventually(async () => {
      expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(idOf)).toEqual([0]);
      expect(await entriesOf(name)).toEqual(before);
      const { labels } = (await get(PODS, nameOf(origin))).metadata;
      expect(labels).not.toHaveProperty([REPLACE_PAIR_NEW_ID_LABEL]);
    });
  });

  test.each([
    'Recreate',
    'InPlaceIfPossible',
    'Replace',
  ])('updates under %s while a Pod is being replaced (T35)', async (policy) => {
    const name = `updated-${policy.toLowerCase()}`;
    const { successor } = await pairOf(sets, {
      name,
      replicas: 1,
      spec: { updateStrategy: { podUpgradePolicy: policy } },
    });
    await edit(name, { template: template(name, 'app:v2') });
    const [pod] = await serving(name, 1);
    expect(pod?.spec.containers[0]?.image).toBe('app:v2');
    await isGone(PODS, successor);
    await recorded(name, [pod ? idOf(pod) : -1]);
  });

  test('follows a partition that is lowered from 3 to 0 under the policy Replace', async () => {
    const name = 'by-replacing';
    await create(name, { replicas: 3, updateStrategy: { podUpgradePolicy: 'Replace' } });
    const before = uids(await serving(name, 3));
    for (const count of [3, 2, 1, 0]) {
      const updateStrategy = { podUpgradePolicy: 'Replace', ...partition(count) };
      await edit(name, { template: template(name, 'app:v2'), updateStrategy });
      const pods = await serving(name, 3, 3 - count);
      expect(pods.filter(({ metadata }) => before.includes(metadata.uid))).toHaveLength(count);
    }
  });

  test('follows another template, another policy and the policy Replace again (T34, T41)', async () => {
    const name = 'of-two-minds';
    await create(name, { replicas: 2, updateStrategy: { podUpgradePolicy: 'Replace' } });
    await serving(name, 2);
    await edit(name, { template: template(name, BAD) });
    await figures(name, [4, 2, 2, 2, 4]);
    await edit(name, { updateStrategy: { podUpgradePolicy: 'InPlaceIfPossible' } });
    await edit(name, { template: template(name, 'app:v3') });
    const pods = await serving(name, 2);
    for (const pod of pods) {
      expect(pod.spec.containers[0]?.image).toBe('app:v3');
      expect(Object.keys(pod.metadata.labels ?? {}).filter((key) => /replace/.test(key))).toEqual([]);
    }
    await recorded(name, pods.map(idOf));
  });

  test.each([
    { which: 'the origin', named: ['origin'] as const },
    { which: 'both', named: ['origin', 'successor'] as const },
  ])('deletes both Pods of a pair with 0 replicas and $which in podToDelete (T28)', async ({ named }) => {
    const name = `pair-${named.length}`;
    const pair = await pairOf(sets, { name, replicas: 1 });
    await edit(name, { replicas: 0, scaleStrategy: { podToDelete: named.map((pod) => pair[pod]) } });
    await figures(name, [0, 0, 0, 0, 0]);
    await isGone(RESOURCE_CONTEXTS, name);
  });

  test('keeps both Pods of a pair with 0 replicas and the successor in podToDelete until the successor serves (T28, T37)', async () => {
    const name = 'pair-new';
    const pair = await pairOf(sets, { name, replicas: 1 });
    await edit(name, { replicas: 0, scaleStrategy: { podToDelete: [pair.successor] } });
    await figures(name, [2, 0, 0, 2, 2]);
    await pretendToServe(sets, pair.successor, () => isLeaving(sets, pair.origin));
    await figures(name, [0, 0, 0, 0, 0]);
    await isGone(RESOURCE_CONTEXTS, name);
  });
}
