import { COLLA_SETS, type CollaSet } from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { template, uids } from './objects.ts';
import { EVENTS, NAMESPACES, QUOTAS } from './resources.ts';

export function refusals({ client, kubectl, get, create, edit, serving, conditionOf }: LiveSets): void {
  test('reports that a template is refused, and continues when it is corrected', async () => {
    const volumeMounts = [{ name: 'none', mountPath: '/x' }];
    await create('refused', { replicas: 2, template: template('refused', 'app:v1', { volumeMounts }) });
    await eventually(async () => {
      const set = await get(COLLA_SETS, 'refused');
      expect(set.status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'Scale', status: 'False', reason: 'ScaleOutFailed' }),
      );
    });
    await edit('refused', { template: template('refused', 'app:v1') });
    await serving('refused', 2);
  });

  test('reports creations that a quota refuses in the condition and an Event, and continues when it is raised (T31)', async () => {
    const name = 'limited';
    const namespace = 'limited';
    await client().create(NAMESPACES, { metadata: { name: namespace } });
    const quota = { metadata: { namespace, name: 'pods' }, spec: { hard: { pods: '1' } } };
    await client().create(QUOTAS, quota);
    const hard = (pods: string) => ({ status: { hard: { pods }, used: { pods: '0' } } });
    await client().patch(
      QUOTAS,
      { namespace, name: 'pods' },
      { type: 'merge', body: hard('1'), subresource: 'status' },
    );
    const selector = { matchLabels: { app: name } };
    const spec = { replicas: 3, selector, template: template(name, 'app:v1') };
    await client().create(COLLA_SETS, { metadata: { namespace, name }, spec } as unknown as CollaSet);
    await eventually(async () => {
      const { status } = await client().get(COLLA_SETS, { namespace, name });
      const condition = status?.conditions?.find(({ type }) => type === 'Scale');
      expect([condition?.reason, condition?.message]).toEqual([
        'ScaleOutFailed',
        expect.stringContaining('exceeded quota'),
      ]);
      const { items } = await client().list(EVENTS, { namespace });
      expect(items.map(({ reason }) => reason)).toContain('ScaleOutFailed');
    });
    await client().delete(QUOTAS, { namespace, name: 'pods' });
    await eventually(async () => {
      const { status } = await client().get(COLLA_SETS, { namespace, name });
      expect([status?.availableReplicas, status?.conditions?.find(({ type }) => type === 'Scale')?.status]).toEqual([
        3,
        'True',
      ]);
    });
  });

  test('deletes no Pod for a refused template, reports it in the condition and an Event, and continues when it is corrected', async () => {
    const name = 'refused-update';
    await create(name, { replicas: 2 });
    const before = await serving(name, 2);
    await edit(name, { template: template(name, 'app:v2', { volumeMounts: [{ name: 'none', mountPath: '/x' }] }) });
    await eventually(async () => {
      const condition = await conditionOf(name, 'Update');
      expect([condition?.status, condition?.reason]).toEqual(['False', 'UpdateFailed']);
      expect(condition?.message).toContain('spec.containers[0].volumeMounts[0].name: Not found: "none"');
      expect((await conditionOf(name, 'Stalled'))?.status).toBe('True');
    });
    await eventually(async () => {
      const events = await kubectl(['get', 'events', `--field-selector=involvedObject.name=${name}`, '-o', 'json']);
      expect(events).toContain('volumeMounts[0].name');
    });
    expect(uids(await serving(name, 2, 0))).toEqual(uids(before));
    await edit(name, { template: template(name, 'app:v2', { volumeMounts: [] }) });
    expect(uids(await serving(name, 2))).toEqual(uids(before));
  });
}
