import { POD_TRANSITION_RULES, PODS, type Pod } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { beginOperation } from '@kuperator/lifecycle';
import { type KubeClient, systemClock } from '@kuperator/runtime';
import { overConnections } from '../connections.ts';
import { APP_LABEL, controlledPod } from '../pod-manifest.ts';

/** Where an attack takes place, and with which rights. */
export type Ground = {
  readonly cluster: Cluster;
  /** A tenant who may do anything in `namespace` and nothing elsewhere. */
  readonly tenant: KubeClient;
  readonly namespace: string;
  /** Of the rate that an attack has by itself, so much is used; from 0 to 1. Attacks that go on at once share the machine. */
  readonly pace: number;
};

/** What a tenant, or a peer on the network, does again and again at a bounded rate. */
export type Attack = {
  readonly name: string;
  /** Prepares it and begins. */
  start(ground: Ground): Promise<Running>;
};

export type Running = {
  /** Requests that were refused or failed so far, and all of them. */
  readonly counts: () => { readonly sent: number; readonly refused: number };
  stop(): Promise<void>;
};

const MOST_IN_FLIGHT = 32;

/** Has `act` done `perSecond` times a second, by the pace of the ground. A request that is refused counts and changes nothing; slow answers thin the attack out. */
export function repeat({ pace }: Ground, perSecond: number, act: (round: number) => Promise<unknown>): Running {
  let [sent, refused] = [0, 0];
  const inFlight = new Set<Promise<void>>();
  const one = async (round: number) => {
    await act(round).catch(() => refused++);
  };
  const timer = setInterval(
    () => {
      if (inFlight.size >= MOST_IN_FLIGHT) return;
      const request: Promise<void> = one(sent++).finally(() => inFlight.delete(request));
      inFlight.add(request);
    },
    1000 / (perSecond * pace),
  );
  return {
    counts: () => ({ sent, refused }),
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
}

/** Makes `count` controlled Pods, with `labels` besides their own. */
export async function makePods(
  { tenant, namespace }: Ground,
  count: number,
  labels: (at: number) => Record<string, string> = () => ({}),
): Promise<readonly Pod[]> {
  const pods: Pod[] = [];
  const places = Array.from({ length: count }, (_, at) => at);
  await overConnections(places, 16, async (at) => {
    const pod = controlledPod({ namespace }, `pod-${at}`, 'web:v1');
    const metadata = { ...pod.metadata, labels: { ...pod.metadata.labels, ...labels(at) } };
    pods.push(await tenant.create(PODS, { ...pod, metadata }));
  });
  return pods;
}

/** Begins an operation on each Pod. */
export async function beginOn({ tenant, namespace }: Ground, pods: readonly Pod[]): Promise<void> {
  await overConnections(pods, 16, (pod) => {
    const labels = beginOperation(pod, { id: 'attack', type: 'attack', nanos: systemClock.nanos() });
    const ref = { namespace, name: pod.metadata.name ?? '' };
    return tenant.patch(PODS, ref, { type: 'merge', body: { metadata: { labels } } });
  });
}

/** A PodTransitionRule of the tenant's; it selects all Pods of the namespace unless told otherwise. */
export async function makeRule(
  { tenant, namespace }: Ground,
  name: string,
  rule: object,
  matchLabels: Record<string, string> = { [APP_LABEL]: 'web' },
): Promise<void> {
  await tenant.create(POD_TRANSITION_RULES, {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { namespace, name },
    spec: { selector: { matchLabels }, rules: [{ name: 'rule', ...rule }] },
  });
}

/** No Pod has the label, so no Pod passes. */
export const REFUSES = { labelCheck: { requires: { matchLabels: { 'bench.kuperator.io/never': 'true' } } } };
