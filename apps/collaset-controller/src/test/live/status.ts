import { COLLA_SETS, PODS } from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { BAD, nameOf, template } from './objects.ts';

export function status({
  kubectl,
  ref,
  get,
  create,
  edit,
  editPod,
  labelled,
  figures,
  serving,
  conditionOf,
}: LiveSets): void {
  test('kubectl scale and a HorizontalPodAutoscaler find the set', async () => {
    const name = 'scaled';
    await create(name, { replicas: 1 });
    await serving(name, 1);
    await kubectl(['scale', 'collaset', name, '--replicas=2']);
    await serving(name, 2);
    const scaleTargetRef = { apiVersion: 'apps.kusionstack.io/v1alpha1', kind: 'CollaSet', name };
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ];
    const scaler = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: ref(name),
      spec: { scaleTargetRef, minReplicas: 3, maxReplicas: 5, metrics },
    };
    await kubectl(['apply', '-f', '-'], JSON.stringify(scaler));
    await serving(name, 3);
    await eventually(async () => {
      const { status } = JSON.parse(await kubectl(['get', 'hpa', name, '-o', 'json']));
      expect(status.currentReplicas).toBe(3);
      const able = status.conditions.find(({ type }: { type: string }) => type === 'AbleToScale');
      expect([able.status, able.reason]).toEqual(['True', 'SucceededGetScale']);
    });
    await kubectl(['delete', 'hpa', name]);
  });

  test('counts Pods as available after they were ready for minReadySeconds', async () => {
    const name = 'settling';
    await create(name, { minReadySeconds: 4 });
    await figures(name, [1, 1, 0, 1, 1]);
    expect((await conditionOf(name, 'Available'))?.status).toBe('False');
    const [pod] = await serving(name, 1);
    const since = pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
    expect(Date.now() - Date.parse(since)).toBeGreaterThanOrEqual(4000);
    expect((await conditionOf(name, 'Available'))?.status).toBe('True');
  });

  test('reports an exceeded progress deadline, and withdraws it after progress', async () => {
    const name = 'stalling';
    await create(name, { template: template(name, BAD), progressDeadlineSeconds: 2 });
    await eventually(async () => {
      const [progressing, stalled] = [await conditionOf(name, 'Progressing'), await conditionOf(name, 'Stalled')];
      expect([progressing?.status, progressing?.reason]).toEqual(['False', 'ProgressDeadlineExceeded']);
      expect(stalled?.status).toBe('True');
    });
    await edit(name, { template: template(name, 'app:v1') });
    await serving(name, 1);
    await eventually(async () => {
      for (const [type, status] of [
        ['Available', 'True'],
        ['Progressing', 'True'],
        ['Reconciling', 'False'],
        ['Stalled', 'False'],
      ] as const)
        expect((await conditionOf(name, type))?.status, type).toBe(status);
    });
  });

  test('does not write to a settled set', async () => {
    const name = 'resting';
    await create(name, { replicas: 2 });
    await serving(name, 2);
    await eventually(async () => expect((await conditionOf(name, 'Progressing'))?.reason).toBe('Complete'));
    const { metadata } = await get(COLLA_SETS, name);
    const [pod] = await labelled(PODS, name);
    await editPod(nameOf(pod), { annotations: { touched: 'true' } });
    await create('resting-after', {});
    await serving('resting-after', 1);
    expect((await get(COLLA_SETS, name)).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });
}
