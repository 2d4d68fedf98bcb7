import { COLLA_SETS, CONTROLLER_REVISIONS, controllerOf, PODS, RESOURCE_CONTEXTS } from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { uids } from './objects.ts';

export function deletion({ get, create, remove, labelled, serving, isGone }: LiveSets): void {
  test('waits for its Pods, but leaves them with --cascade=orphan', async () => {
    await create('deleted', { replicas: 2 });
    await create('left-behind', { replicas: 2 });
    await serving('deleted', 2);
    await serving('left-behind', 2);
    await remove(COLLA_SETS, 'deleted');
    await remove(COLLA_SETS, 'left-behind', { propagationPolicy: 'Orphan' });
    await isGone(COLLA_SETS, 'deleted');
    // The garbage collector orphans the Pods and then deletes the set. In a new cluster it takes half a minute to start.
    await isGone(COLLA_SETS, 'left-behind', 90_000);
    expect(await labelled(PODS, 'deleted')).toEqual([]);
    expect(await labelled(PODS, 'left-behind')).toHaveLength(2);
  }, 120_000);

  test('ends in the foreground with nothing left', async () => {
    const name = 'foreground';
    await create(name, { replicas: 2 });
    await serving(name, 2);
    await remove(COLLA_SETS, name, { propagationPolicy: 'Foreground' });
    await isGone(COLLA_SETS, name);
    expect(await labelled(PODS, name)).toEqual([]);
    await expect(get(RESOURCE_CONTEXTS, name)).rejects.toBeInstanceOf(NotFoundError);
  });

  test('leaves orphaned Pods without an owner, and a new set of the same name creates its own and adopts the revisions', async () => {
    const name = 'orphaned';
    await create(name, { replicas: 2 });
    const orphans = await serving(name, 2);
    await remove(COLLA_SETS, name, { propagationPolicy: 'Orphan' });
    // The garbage collector removes the finalizer `orphan`. In a new cluster it takes half a minute to start.
    await isGone(COLLA_SETS, name, 90_000);
    for (const pod of await labelled(PODS, name)) expect(controllerOf(pod)).toBeUndefined();
    expect(uids(await labelled(PODS, name))).toEqual(uids(orphans));
    await create(name, { replicas: 2 });
    await eventually(async () => {
      const { metadata, status } = await get(COLLA_SETS, name);
      expect(status).toMatchObject({ replicas: 2, availableReplicas: 2, updatedReplicas: 2 });
      const revision = await get(CONTROLLER_REVISIONS, status?.updatedRevision ?? '');
      expect(controllerOf(revision)?.uid).toBe(metadata.uid);
    });
    const all = await labelled(PODS, name);
    expect(all).toHaveLength(4);
    const ownerless = all.filter((pod) => controllerOf(pod) === undefined);
    expect(uids(ownerless).toSorted()).toEqual(uids(orphans).toSorted());
  }, 150_000);
}
