import { PODS } from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { template } from './objects.ts';

/** Tests with a user who has few permissions. */
export function tenants({ kubectl, create, serving, isGone }: LiveSets): void {
  test('updates, replaces and scales in Pods for a user who may change the set but no Pods', async () => {
    await kubectl(['create', 'role', 'dev', '--verb=get,patch', '--resource=collasets.apps.kusionstack.io']);
    await kubectl(['create', 'rolebinding', 'dev', '--role=dev', '--user=dev']);
    const edit = (spec: object) =>
      kubectl(['patch', 'collaset', 'web', '--as=dev', '--type=merge', `--patch=${JSON.stringify({ spec })}`]);
    await create('web', { replicas: 2 });
    const [pod] = await serving('web', 2);
    const name = pod?.metadata.name ?? '';

    await eventually(() => edit({ template: template('web', 'app:v2') }));
    await eventually(async () => {
      const pods = await serving('web', 2);
      expect(pods.map(({ spec }) => spec.containers[0]?.image)).toEqual(['app:v2', 'app:v2']);
    });

    await edit({ scaleStrategy: { podToDelete: [name] } });
    await isGone(PODS, name);
    await serving('web', 2);

    await edit({ replicas: 1 });
    const [left] = await serving('web', 1);

    const marking = ['label', 'pod', left?.metadata.name ?? '', 'collaset.kusionstack.io/to-delete=1', '--as=dev'];
    await expect(kubectl(marking)).rejects.toThrow('forbidden');
    await kubectl(['create', 'role', 'writer', '--verb=get,patch', '--resource=pods']);
    await kubectl(['create', 'rolebinding', 'writer', '--role=writer', '--user=dev']);
    await eventually(() => expect(kubectl(marking)).rejects.toThrow('allowed are users who may delete the Pod'));
  });
}
