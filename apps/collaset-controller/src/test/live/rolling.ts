import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  COLLASET_OPERATION_ID,
  POD_TRANSITION_RULES,
  PODS,
  type PodTransitionRule,
  RESOURCE_CONTEXTS,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
  UPDATE_INCLUDED_LABEL,
} from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { byLabel, bySequence, HOLD, nameOf, partition, template, uids } from './objects.ts';

export function rolling({
  client,
  ref,
  get,
  create,
  edit,
  editPod,
  label,
  remove,
  labelled,
  figures,
  serving,
  isGone,
}: LiveSets): void {
  test('recreates the Pods that the partition includes if they cannot change in place', async () => {
    await create('recreated', { replicas: 3 });
    const before = uids(await serving('recreated', 3));
    const changed = template('recreated', 'app:v1', { env: [{ name: 'test', value: 'bar' }] });
    await edit('recreated', {
      template: changed,
      updateStrategy: partition(2),
    });
    const some = uids(await serving('recreated', 3, 1));
    expect(some.filter((uid) => before.includes(uid))).toHaveLength(2);
    await edit('recreated', { updateStrategy: partition(0) });
    const all = uids(await serving('recreated', 3));
    expect(all.filter((uid) => before.includes(uid))).toEqual([]);
  });

  test('updates only labelled Pods, and every entry of the context belongs to the set', async () => {
    const name = 'by-label';
    await create(name, { replicas: 3, updateStrategy: byLabel });
    await serving(name, 3);
    await edit(name, { template: template(name, 'app:v2') });
    const pods = await serving(name, 3, 0);
    await label(nameOf(pods[1]), { [UPDATE_INCLUDED_LABEL]: 'true' });
    const after = await serving(name, 3, 1);
    expect(after.map(({ spec }) => spec.containers[0]?.image)).toEqual(['app:v1', 'app:v2', 'app:v1']);
    expect(after[1]?.metadata.labels).not.toHaveProperty([UPDATE_INCLUDED_LABEL]);
    const { spec } = await get(RESOURCE_CONTEXTS, name);
    expect(spec.contexts?.map(({ data }) => data?.Owner)).toEqual([name, name, name]);
  });

  test('waits for operationDelaySeconds between the permission and the change', async () => {
    const name = 'delayed';
    await create(name, { replicas: 3, updateStrategy: { ...byLabel, operationDelaySeconds: 10 } });
    const pods = await serving(name, 3);
    await edit(name, { template: template(name, 'app:v2') });
    await serving(name, 3, 0);
    const podName = nameOf(pods[0]);
    await label(podName, { [UPDATE_INCLUDED_LABEL]: 'true' });
    const permittedMs = await eventually(async () => {
      const { metadata } = await get(PODS, podName);
      const since = metadata.labels?.[stageLabel('operate', COLLASET_OPERATION_ID)] ?? '';
      expect(since).toMatch(/^\d{19}$/);
      expect(metadata.labels).not.toHaveProperty([SERVICE_AVAILABLE_LABEL]);
      return Number(since) / 1e6;
    });
    await eventually(async () => {
      const { metadata } = await get(PODS, podName);
      const isBack = metadata.labels?.[SERVICE_AVAILABLE_LABEL] !== undefined;
      if (Date.now() - permittedMs < 10_000) expect(metadata.labels?.[SERVICE_AVAILABLE_LABEL]).toBeUndefined();
      expect(isBack).toBe(true);
    });
    expect(Date.now() - permittedMs).toBeGreaterThanOrEqual(10_000);
    await serving(name, 3, 1);
  });

  test('returns waiting Pods to service if the partition is raised, and completes the changed ones', async () => {
    const name = 'held';
    await create(name, { replicas: 2 });
    for (const pod of await serving(name, 2)) await editPod(nameOf(pod), { finalizers: [HOLD] });
    await edit(name, { template: template(name, 'app:v2') });
    await figures(name, [2, 0, 0, 0, 2]);
    await edit(name, { template: template(name, 'app:v3'), updateStrategy: partition(1) });
    const pods = await figures(name, [2, 1, 1, 0, 2]);
    const operating = stageLabel('operating', COLLASET_OPERATION_ID);
    expect(pods.filter(({ metadata }) => metadata.labels?.[operating] !== undefined)).toHaveLength(1);
    for (const pod of pods) await editPod(nameOf(pod), { finalizers: null });
    await figures(name, [2, 2, 2, 1, 2]);
  });

  test('begins a new update while the last one still waits for traffic', async () => {
    const name = 'rounds';
    const finalizer = 'prot.podopslifecycle.kusionstack.io/traffic';
    await create(name, {});
    const [pod] = await serving(name, 1);
    const expectedFinalizers = JSON.stringify({ expectedFinalizers: { 'Service/default/x': finalizer } });
    const annotations = { [AVAILABLE_CONDITIONS_ANNOTATION]: expectedFinalizers };
    await editPod(nameOf(pod), { finalizers: [finalizer], annotations });
    await serving(name, 1);
    await edit(name, { template: template(name, 'app:v2') });
    await figures(name, [1, 0, 0, 0, 1]);
    await editPod(nameOf(pod), { finalizers: null });
    const operated = (image: string) =>
      eventually(async () => {
        const { metadata, spec } = await get(PODS, nameOf(pod));
        expect(spec.containers[0]?.image).toBe(image);
        expect(metadata.labels).toHaveProperty([stageLabel('operated', COLLASET_OPERATION_ID)]);
      });
    await operated('app:v2');
    await edit(name, { template: template(name, 'app:v3') });
    await operated('app:v3');
    await editPod(nameOf(pod), { finalizers: [finalizer] });
    await serving(name, 1);
    await editPod(nameOf(pod), { finalizers: null });
  });

  test('with sequence names, updates one Pod at a time under a PodTransitionRule', async () => {
    const name = 'ruled';
    await create(name, { replicas: 2, ...bySequence });
    await serving(name, 2);
    const rule = {
      metadata: ref(name),
      spec: {
        selector: { matchLabels: { app: name } },
        rules: [{ name: 'one', availablePolicy: { maxUnavailableValue: 1 } }],
      },
    };
    await client().create(POD_TRANSITION_RULES, rule as unknown as PodTransitionRule);
    await eventually(async () => {
      const { status } = await get(POD_TRANSITION_RULES, name);
      expect(status?.targets).toHaveLength(2);
    });
    let least = 2;
    let isDone = false;
    const watch = (async () => {
      while (!isDone) {
        const available = (await labelled(PODS, name)).filter(
          ({ metadata }) => metadata.labels?.[SERVICE_AVAILABLE_LABEL],
        );
        least = Math.min(least, available.length);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    await edit(name, { template: template(name, 'app:v1', { env: [{ name: 'test', value: 'bar' }] }) });
    await serving(name, 2).finally(() => {
      isDone = true;
    });
    await watch;
    expect(least).toBeGreaterThanOrEqual(1);
    await remove(POD_TRANSITION_RULES, name);
    await isGone(POD_TRANSITION_RULES, name);
  });
}
