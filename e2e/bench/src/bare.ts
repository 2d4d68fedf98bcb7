// The bare ceiling: the speed of this control plane for Pods that no operator controls, written from 16 connections.

import { isReady, PODS, type Pod } from '@kuperator/api';
import { overConnections } from './connections.ts';
import type { Contest } from './contend.ts';
import { type Phase, type Timing, timed } from './phase.ts';
import { barePod, podName } from './pod-manifest.ts';

const CONNECTIONS = 16;
const TIMEOUT_MS = 300_000;

export async function runBare(
  { client, watch, arena }: Contest,
  pods: number,
): Promise<Partial<Record<Phase, Timing>>> {
  const names = Array.from({ length: pods }, (_, at) => podName(at));
  const ref = (name: string) => ({ namespace: arena.namespace, name });
  return {
    'scale out': await timed(pods, async () => {
      await overConnections(names, CONNECTIONS, (name) => client.create(PODS, barePod(arena, name, 'web:v1')));
      await watch.until('bare scale out', { pods, each: isReady }, TIMEOUT_MS);
    }),
    'in-place update': await timed(pods, async () => {
      const body = { spec: { containers: [{ name: 'web', image: 'web:v2' }] } };
      await overConnections(names, CONNECTIONS, (name) => client.patch(PODS, ref(name), { type: 'strategic', body }));
      const each = (pod: Pod) => pod.status?.containerStatuses?.every(({ image }) => image === 'web:v2') ?? false;
      await watch.until('bare in-place update', { pods, each }, TIMEOUT_MS);
    }),
    'scale in': await timed(pods, async () => {
      await overConnections(names, CONNECTIONS, (name) => client.delete(PODS, ref(name)));
      await watch.until('bare scale in', { pods: 0 }, TIMEOUT_MS);
    }),
  };
}
