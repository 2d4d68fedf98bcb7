import { COLLA_SETS, type KubeObject, PERSISTENT_VOLUME_CLAIMS } from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { bySequence, claimOf, claims, idOf, nameOf, uids, whenScaledRetain } from './objects.ts';

export function claiming({ kubectl, get, create, edit, list, labelled, ownedBy, serving }: LiveSets): void {
  const claimsOf = (name: string) => labelled(PERSISTENT_VOLUME_CLAIMS, name);
  const names = (items: readonly KubeObject[]) => items.map(nameOf).toSorted();

  test('creates claims for each instance, and deletes them with it', async () => {
    await create('claims', { replicas: 2, ...claims(), ...bySequence });
    const pods = await serving('claims', 2);
    expect(pods.map(({ metadata, spec }) => [metadata.name, spec.hostname])).toEqual([
      ['claims-0', 'claims-0'],
      ['claims-1', 'claims-1'],
    ]);
    const mounted = pods.map(claimOf);
    expect(new Set(mounted).size).toBe(2);
    await edit('claims', { replicas: 1 });
    // Which of the two Pods is deleted depends on when each became ready.
    const [left] = await serving('claims', 1);
    expect(claimOf(left)).toBe(mounted[left ? idOf(left) : -1]);
    await eventually(async () => {
      expect((await list(PERSISTENT_VOLUME_CLAIMS, 'app=claims')).map(nameOf)).toEqual([claimOf(left)]);
    });
  });

  test('grow in place if their class allows it, without a change of any Pod', async () => {
    const name = 'growing';
    await create(name, { replicas: 2, ...claims('1Mi') });
    const before = { pods: uids(await serving(name, 2)), claims: names(await claimsOf(name)) };
    await eventually(async () => {
      for (const { status } of await claimsOf(name)) expect(status?.phase).toBe('Bound');
    });
    await edit(name, claims('2Mi'));
    await eventually(async () => {
      const grown = await claimsOf(name);
      expect(grown.map(({ status }) => (status?.capacity as { storage?: string })?.storage)).toEqual(['2Mi', '2Mi']);
    });
    expect({ pods: uids(await serving(name, 2)), claims: names(await claimsOf(name)) }).toEqual(before);
  });

  test('are replaced by new ones of the new size if it does not', async () => {
    const name = 'fixed';
    const storageClass = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'fixed' },
      provisioner: 'kuperator.local/simulated',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    await kubectl(['apply', '-f', '-'], JSON.stringify(storageClass));
    const fixed = { storageClassName: 'fixed' };
    await create(name, { replicas: 2, ...claims('1Mi', fixed) });
    await serving(name, 2);
    const before = names(await claimsOf(name));
    const { status } = await get(COLLA_SETS, name);
    await edit(name, claims('2Mi', fixed));
    await eventually(async () => {
      await serving(name, 2);
      const after = await claimsOf(name);
      expect(after).toHaveLength(2);
      expect(names(after).filter((claim) => before.includes(claim))).toEqual([]);
      expect(after.map(({ spec }) => spec.resources?.requests?.storage)).toEqual(['2Mi', '2Mi']);
    });
    expect((await get(COLLA_SETS, name)).status?.updatedRevision).not.toBe(status?.updatedRevision);
  });

  test('stay with whenScaled: Retain, and are mounted again by name', async () => {
    const name = 'retained';
    await create(name, { replicas: 2, ...claims(), scaleStrategy: whenScaledRetain });
    await serving(name, 2);
    const kept = (await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(nameOf);
    await edit(name, { replicas: 1 });
    await serving(name, 1);
    expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(nameOf)).toEqual(kept);
    await edit(name, { replicas: 2 });
    const pods = await serving(name, 2);
    expect(pods.map(claimOf)).toEqual(kept);
  });
}
