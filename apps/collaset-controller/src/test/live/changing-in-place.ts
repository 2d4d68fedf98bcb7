import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { nameOf, template, uids } from './objects.ts';

export function changingInPlace({ create, edit, label, serving }: LiveSets): void {
  test('updates the same Pods in place, and keeps what users added', async () => {
    await create('inplace', { replicas: 2 });
    const before = await serving('inplace', 2);
    await label(nameOf(before[0]), { mine: 'x' });
    await edit('inplace', { template: template('inplace', 'app:v2') });
    const after = await serving('inplace', 2);
    expect(uids(after)).toEqual(uids(before));
    for (const [index, pod] of after.entries()) {
      expect(pod.spec.containers[0]?.image).toBe('app:v2');
      const container = before[index]?.status?.containerStatuses?.[0]?.containerID;
      expect(pod.status?.containerStatuses?.[0]?.containerID).not.toBe(container);
    }
    expect(after[0]?.metadata.labels?.mine).toBe('x');
  });

  test('changes an image in place in the same Pod', async () => {
    const name = 'image';
    await create(name, {});
    const [before] = await serving(name, 1);
    await edit(name, { template: template(name, 'app:v2') });
    const [after] = await eventually(async () => {
      const pods = await serving(name, 1);
      expect(pods[0]?.spec.containers[0]?.image).toBe('app:v2');
      return pods;
    });
    expect(after?.metadata.uid).toBe(before?.metadata.uid);
    const [old, now] = [before, after].map((pod) => pod?.status?.containerStatuses?.[0]);
    expect(now?.containerID).not.toBe(old?.containerID);
    expect(now?.imageID).not.toBe(old?.imageID);
  });

  test('resizes the same containers in place, together with an image and a sidecar', async () => {
    const name = 'resized';
    const at = (cpu: string, image: string) => {
      const resources = { requests: { cpu, memory: '16Mi' } };
      const proxy = { name: 'proxy', image: `p:${image}`, restartPolicy: 'Always', resources };
      return template(name, `app:${image}`, { resources, spec: { initContainers: [proxy] } });
    };
    await create(name, { replicas: 2, template: at('10m', 'v1') });
    const before = await serving(name, 2);
    await edit(name, { template: at('20m', 'v1') });
    const isAt = (cpu: string, image: string) =>
      eventually(async () => {
        const pods = await serving(name, 2);
        for (const { status } of pods) {
          const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
          expect(all.map(({ image, resources }) => [image, resources?.requests?.cpu])).toEqual([
            [`app:${image}`, cpu],
            [`p:${image}`, cpu],
          ]);
        }
        return pods;
      });
    const resized = await isAt('20m', 'v1');
    expect(uids(resized)).toEqual(uids(before));
    expect(resized.map(({ status }) => status?.containerStatuses?.[0]?.restartCount)).toEqual([0, 0]);
    await edit(name, { template: at('30m', 'v2') });
    expect(uids(await isAt('30m', 'v2'))).toEqual(uids(before));
  });

  test('recreates the Pod if its resources cannot change in place', async () => {
    const name = 'qos';
    await create(name, {});
    const before = await serving(name, 1);
    await edit(name, { template: template(name, 'app:v1', { resources: { requests: { cpu: '10m' } } }) });
    await eventually(async () => expect(uids(await serving(name, 1))).not.toEqual(uids(before)));
  });
}
