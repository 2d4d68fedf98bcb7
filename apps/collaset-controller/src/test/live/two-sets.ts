import { COLLA_SETS, controllerOf, PERSISTENT_VOLUME_CLAIMS, RESOURCE_CONTEXTS } from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { byLabel, claimOf, claims, idOf, nameOf } from './objects.ts';

export function twoSets({
  client,
  ref,
  create,
  edit,
  label,
  remove,
  ownedBy,
  figures,
  serving,
  entriesOf,
  isGone,
}: LiveSets): void {
  const pooled = { scaleStrategy: { context: 'pool' } };

  test('share one context without conflicts between their ids, and the last set deletes it (T53, T54)', async () => {
    await create('pool-a', { replicas: 3, ...pooled });
    await create('pool-b', { replicas: 3, ...pooled });
    await serving('pool-a', 3);
    await serving('pool-b', 3);
    await edit('pool-a', { replicas: 1 });
    await edit('pool-b', { replicas: 5 });
    const pods = [...(await serving('pool-a', 1)), ...(await serving('pool-b', 5))];
    expect(new Set(pods.map(idOf)).size).toBe(6);
    await eventually(async () => {
      const owners = new Map((await entriesOf('pool')).map(({ id, data: entry }) => [id, entry?.Owner]));
      expect(owners).toEqual(new Map(pods.map((pod) => [idOf(pod), controllerOf(pod)?.name])));
    });
    await remove(RESOURCE_CONTEXTS, 'pool');
    await eventually(async () => expect(await entriesOf('pool')).toHaveLength(6));
    for (const set of ['pool-a', 'pool-b']) await remove(COLLA_SETS, set);
    await isGone(RESOURCE_CONTEXTS, 'pool');
  });

  test('pass on a Pod whose claim has another template, and keep the claim until the Pod is recreated', async () => {
    await create('giving', { replicas: 1, ...claims() });
    const [pod] = await serving('giving', 1);
    const claim = claimOf(pod) ?? '';
    // A difference that an expansion of the claim cannot resolve.
    const another = claims('1Mi', { accessModes: ['ReadWriteMany'] });
    await create('taking', { replicas: 1, ...another, updateStrategy: byLabel });
    await serving('taking', 1);
    await edit('giving', { replicas: 0, scaleStrategy: { podToExclude: [nameOf(pod)] } });
    await figures('giving', [0, 0, 0, 0, 0]);
    await label(nameOf(pod), { app: 'taking' });
    const labels = { metadata: { labels: { app: 'taking' } } };
    await client().patch(PERSISTENT_VOLUME_CLAIMS, ref(claim), { type: 'merge', body: labels });
    await edit('taking', { replicas: 2, scaleStrategy: { podToInclude: [nameOf(pod)] } });
    await figures('taking', [2, 2, 2, 1, 2]);
    await eventually(async () => {
      expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, 'taking')).map(nameOf)).toContain(claim);
    });
    await edit('taking', { updateStrategy: { rollingUpdate: { byLabel: null, byPartition: {} } } });
    await serving('taking', 2);
    await isGone(PERSISTENT_VOLUME_CLAIMS, claim);
    expect(await ownedBy(PERSISTENT_VOLUME_CLAIMS, 'taking')).toHaveLength(2);
  });
}
