// The contender "ours": a CollaSet of the same Pods, with the operators as they are shipped. This file writes only the CollaSet.

import { COLLA_SETS, POD_TRANSITION_RULES, type Pod, SERVICES } from '@kuperator/api';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';
import type { Contest } from './contend.ts';
import { type Phase, type Timing, timed } from './phase.ts';
import { templateFor, webBudget, webService, webSet } from './pod-manifest.ts';
import type { Goal } from './pod-watch.ts';

const TIMEOUT_MS = 600_000;

type OursOptions = {
  readonly pods: number;
  /** maxUnavailable of a PodTransitionRule over the Pods. If it is not set, there is no rule. */
  readonly maxUnavailable?: string | undefined;
  /** Whether a Service selects the Pods, so that each also waits for its endpoint. */
  readonly service: boolean;
  /** Called when a phase begins and ends, to attribute API calls and CPU time to the phase. */
  readonly around: (phase: Phase, run: () => Promise<Timing>) => Promise<Timing>;
};

export async function runOurs(
  { client, watch, arena }: Contest,
  { pods, maxUnavailable, service, around }: OursOptions,
): Promise<Record<Phase, Timing>> {
  const ref = { ...arena, name: 'web' };
  if (maxUnavailable !== undefined) {
    await client.create(POD_TRANSITION_RULES, webBudget(arena, maxUnavailable));
  }
  if (service) await client.create(SERVICES, webService(arena));
  const set = webSet(arena, pods, 'web:v1');
  const change = async (spec: object) => {
    await client.patch(COLLA_SETS, ref, { type: 'merge', body: { spec } });
  };
  const run = (phase: Phase, act: () => Promise<unknown>, goal: Goal) =>
    around(phase, () =>
      timed(pods, async () => {
        await act();
        await watch.until(`ours, ${phase}`, goal, TIMEOUT_MS);
      }),
    );
  return {
    'scale out': await run('scale out', () => client.create(COLLA_SETS, set), { pods, each: isServing }),
    'in-place update': await run('in-place update', () => change({ template: templateFor('web:v2') }), {
      pods,
      each: (pod) => isServing(pod) && runs(pod, 'web:v2'),
    }),
    recreate: await run('recreate', () => change({ template: templateFor('web:v2', 'b') }), {
      pods,
      each: (pod) => isServing(pod) && JSON.stringify(pod.spec.containers[0]?.env).includes('"b"'),
    }),
    'scale in': await run('scale in', () => change({ replicas: 0 }), { pods: 0 }),
  };
}

/** Whether the Pod is in service, with no operation in progress. */
export function isServing(pod: Pod): boolean {
  return isServiceAvailable(pod) && operationsOf(pod).length === 0;
}

/** Whether the Pod's container runs the image, not only the spec names it. */
export function runs(pod: Pod, image: string): boolean {
  return pod.status?.containerStatuses?.[0]?.image === image;
}
