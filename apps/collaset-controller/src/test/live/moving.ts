import { controllerOf, PERSISTENT_VOLUME_CLAIMS, PODS, REVISION_LABEL, TO_DELETE_LABEL } from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { claimOf, claims, idOf, nameOf, partition, template } from './objects.ts';
import { isLeaving, pairOf, pretendToServe } from './pairs.ts';
import { EVENTS } from './resources.ts';

export function moving(sets: LiveSets): void {
  const { get, create, edit, label, list, ownedBy, figures, serving, entriesOf, recorded, isGone } = sets;

  test('is excluded with its claim, and included again under its id', async () => {
    const name = 'excluded';
    await create(name, { replicas: 3, ...claims() });
    const [, pod] = await serving(name, 3);
    const claim = claimOf(pod) ?? '';
    await edit(name, { replicas: 2, scaleStrategy: { podToExclude: [nameOf(pod)] } });
    await eventually(async () => {
      expect((await get(PODS, nameOf(pod))).metadata.ownerReferences ?? []).toEqual([]);
      expect((await get(PERSISTENT_VOLUME_CLAIMS, claim)).metadata.ownerReferences ?? []).toEqual([]);
    }, 10_000);
    await serving(name, 2);
    await recorded(name, [0, 2]);
    await edit(name, { replicas: 3, scaleStrategy: { podToExclude: [], podToInclude: [nameOf(pod)] } });
    const back = await serving(name, 3);
    expect(back.map(idOf)).toEqual([0, 1, 2]);
    expect(back[1]?.metadata.uid).toBe(pod?.metadata.uid);
    const taken = await eventually(async () => {
      const found = await get(PERSISTENT_VOLUME_CLAIMS, claim);
      expect(controllerOf(found)?.name).toBe(name);
      return found;
    });
    expect(idOf(taken)).toBe(1);
    await recorded(name, [0, 1, 2]);
  });

  test('refuses to include a Pod that the selector does not match, and continues (T29)', async () => {
    const name = 'refusing';
    await create(name, { replicas: 1 });
    await serving(name, 1);
    await create('other', { replicas: 1 });
    const [foreign] = await serving('other', 1);
    await edit('other', { replicas: 0, scaleStrategy: { podToExclude: [nameOf(foreign)] } });
    await figures('other', [0, 0, 0, 0, 0]);
    // The delay keeps the surplus Pod for a while after its inclusion, so that the test can see it.
    await edit(name, { replicas: 2, scaleStrategy: { podToInclude: [nameOf(foreign)], operationDelaySeconds: 600 } });
    await serving(name, 2);
    await eventually(async () => {
      const told = (await list(EVENTS))
        .filter(({ reason }) => reason === 'IncludeNotAllowed')
        .map(({ message }) => message);
      expect(told).toContainEqual(expect.stringContaining('does not match'));
    });
    await label(nameOf(foreign), { app: name });
    await eventually(async () => expect(controllerOf(await get(PODS, nameOf(foreign)))?.name).toBe(name));
  });

  test('recreates an included Pod of unknown revision to update it', async () => {
    const name = 'unknown';
    await create(name, { replicas: 3, updateStrategy: partition(3) });
    const [, pod] = await serving(name, 3);
    await edit(name, { replicas: 2, scaleStrategy: { podToExclude: [nameOf(pod)] } });
    await serving(name, 2);
    await label(nameOf(pod), { [REVISION_LABEL]: null });
    await edit(name, { replicas: 3, scaleStrategy: { podToExclude: [], podToInclude: [nameOf(pod)] } });
    const back = await serving(name, 3, 2);
    expect([back.map(idOf), nameOf(back[1])]).toEqual([[0, 1, 2], nameOf(pod)]);
    await edit(name, { template: template(name, 'app:v2'), updateStrategy: partition(0) });
    await isGone(PODS, nameOf(pod));
    await serving(name, 3);
  });

  test.each([
    'origin',
    'successor',
  ] as const)('the %s of a pair is excluded only after the replacement ends', async (which) => {
    const name = `held-${which}`;
    const pair = await pairOf(sets, { name, replicas: 2 });
    await edit(name, { replicas: 1, scaleStrategy: { podToExclude: [pair[which]] } });
    await figures(name, [3, 0, 0, 3, 3]);
    expect((await ownedBy(PODS, name)).filter((pod) => pod.metadata.labels?.[TO_DELETE_LABEL])).toEqual([]);
    await pretendToServe(sets, pair.successor, () => isLeaving(sets, pair.origin));
    await isGone(PODS, pair.origin);
    await figures(name, [1, 0, 0, 1, 1]);
    if (which === 'successor') {
      expect((await get(PODS, pair.successor)).metadata.ownerReferences ?? []).toEqual([]);
    }
    await eventually(async () => expect(await entriesOf(name)).toHaveLength(1));
  });
}
