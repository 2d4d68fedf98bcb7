import {
  COLLA_SETS,
  COLLASET_OPERATION_ID,
  PODS,
  RESOURCE_CONTEXTS,
  REVISION_LABEL,
  stageLabel,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { AlreadyExistsError } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { bySequence, HOLD, idOf, nameOf, partition, template, uids } from './objects.ts';

export function scaling({ client, ref, get, create, edit, editPod, label, serving, isGone }: LiveSets): void {
  test('creates its Pods, scales out and in, and leaves no context behind', async () => {
    await create('scaled', { replicas: 3 });
    const first = await serving('scaled', 3);
    await edit('scaled', { replicas: 5 });
    const grown = await serving('scaled', 5);
    expect(uids(grown.slice(0, 3))).toEqual(uids(first));
    await edit('scaled', { replicas: 2 });
    await serving('scaled', 2);
    await edit('scaled', { replicas: 0 });
    await serving('scaled', 0);
    await isGone(RESOURCE_CONTEXTS, 'scaled');
  });

  test.each([
    ['random', {}],
    ['sequence', bySequence],
  ])('%s: a Pod has a generateName, and its computed name still prevents a second creation', async (policy, spec) => {
    const name = `generated-${policy}`;
    await create(name, { replicas: 1, ...spec });
    const [pod] = await serving(name, 1);
    expect(pod?.metadata.generateName).toBe(`${name}-`);
    // A replica that does not know the Pod would try the same creation.
    const metadata = { ...ref(nameOf(pod)), generateName: `${name}-`, labels: { app: name } };
    const again = { metadata, spec: { containers: [{ name: 'app', image: 'app:v1' }] } };
    for (const options of [{}, { dryRun: true }]) {
      await expect(client().create(PODS, again, options)).rejects.toBeInstanceOf(AlreadyExistsError);
    }
  });

  test('accepts a privileged container and keeps it privileged', async () => {
    const name = 'privileged';
    const more = { securityContext: { privileged: true } };
    await create(name, { replicas: 3, template: template(name, 'app:v1', more) });
    for (const { spec } of await serving(name, 3))
      expect(spec.containers[0]?.securityContext).toEqual(more.securityContext);
  });

  test('waits for permission before it deletes', async () => {
    await create('waiting', { replicas: 1 });
    const [pod] = await serving('waiting', 1);
    const name = nameOf(pod);
    await editPod(name, { finalizers: [HOLD] });
    await edit('waiting', { replicas: 0 });
    await eventually(async () => {
      const { metadata } = await get(PODS, name);
      expect(metadata.labels).toHaveProperty([stageLabel('preparing', COLLASET_OPERATION_ID)]);
      expect(metadata.deletionTimestamp).toBeUndefined();
    });
    await eventually(async () => {
      const set = await get(COLLA_SETS, 'waiting');
      const condition = set.status?.conditions?.find(({ type }) => type === 'Scale');
      expect(condition?.message).toContain(HOLD);
    });
    await editPod(name, { finalizers: null });
    await serving('waiting', 0);
  });

  test('recreates a Pod marked to-delete at its own revision within the partition', async () => {
    const name = 'marked';
    await create(name, { replicas: 2 });
    await serving(name, 2);
    await edit(name, { template: template(name, 'app:v2'), updateStrategy: partition(1) });
    const pods = await serving(name, 2, 1);
    const { updatedRevision } = (await get(COLLA_SETS, name)).status ?? {};
    const old = pods.find((pod) => pod.metadata.labels?.[REVISION_LABEL] !== updatedRevision);
    await label(nameOf(old), { [TO_DELETE_LABEL]: 'true' });
    await isGone(PODS, nameOf(old));
    const renewed = (await serving(name, 2, 1)).find((pod) => idOf(pod) === (old && idOf(old)));
    expect(renewed?.metadata.labels?.[REVISION_LABEL]).toBe(old?.metadata.labels?.[REVISION_LABEL]);
  });

  test('recreates a Pod in podToDelete, or scales it in if the replicas are lowered', async () => {
    const name = 'named';
    await create(name, { replicas: 3 });
    const [first] = await serving(name, 3);
    await edit(name, { scaleStrategy: { podToDelete: [nameOf(first)] } });
    await isGone(PODS, nameOf(first));
    const [, second, third] = await serving(name, 3);
    await edit(name, { replicas: 2, scaleStrategy: { podToDelete: [nameOf(second)] } });
    await isGone(PODS, nameOf(second));
    expect((await serving(name, 2)).map(nameOf)).toContain(nameOf(third));
  });

  test('recreates a Pod in podToDelete once with sequence names', async () => {
    const name = 'named-by-sequence';
    await create(name, { replicas: 2, ...bySequence });
    const [first] = await serving(name, 2);
    await edit(name, { scaleStrategy: { podToDelete: [`${name}-0`] } });
    const renewed = await eventually(async () => {
      const [pod] = await serving(name, 2);
      expect(pod?.metadata.uid).not.toBe(first?.metadata.uid);
      return pod;
    });
    await edit(name, { replicas: 3 });
    expect((await serving(name, 3))[0]?.metadata.uid).toBe(renewed?.metadata.uid);
  });
}
