import { CONTROL_LABEL, isTerminating, type Key, PODS, type Pod, type PodTransitionRule } from '@kuperator/api';
import { podStateOf, settle } from '@kuperator/lifecycle';
import { type Clock, type KubeClient, NotFoundError, type Reconcile } from '@kuperator/runtime';
import type { PodMetrics } from './metrics.ts';
import { writeFor } from './patch.ts';
import { verdictFor } from './verdict.ts';

export type Deps = {
  readonly pods: { get(key: Key): Pod | undefined; observe(pod: Pod): void; observeGone(key: Key, uid: string): void };
  readonly rules: { byIndex(index: 'namespace', namespace: string): readonly PodTransitionRule[] };
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock: Pick<Clock, 'now' | 'nanos'>;
  readonly metrics: Pick<PodMetrics, 'wrote'>;
};

/** Brings a Pod to the fixpoint of the protocol: at most one write a pass, none when it is there. */
export function podReconciler({ pods, rules, client, clock, metrics }: Deps): Reconcile {
  return async (key) => {
    const pod = pods.get(key);
    // A Pod on its way out is the kubelet's and the traffic controllers' (T18); one without the label is nobody's (T24).
    if (!pod || isTerminating(pod) || pod.metadata.labels?.[CONTROL_LABEL] !== 'true') return;
    const guarding = rules.byIndex('namespace', pod.metadata.namespace ?? '');
    const settled = settle(podStateOf(pod), clock.nanos(), {
      passes: (request) => verdictFor(pod, guarding, request).passed,
    });
    const write = writeFor(pod, settled, new Date(clock.now()).toISOString());
    if (!write) return;
    const { namespace, name = '', uid = '' } = pod.metadata;
    const options = write.subresource ? { subresource: write.subresource } : {};
    try {
      pods.observe(await client.patch(PODS, { namespace, name }, write.patch, options));
      metrics.wrote(write.subresource);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      pods.observeGone(key, uid);
    }
  };
}
