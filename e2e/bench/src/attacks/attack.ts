import { POD_TRANSITION_RULES, PODS, type Pod } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { beginOperation } from '@kuperator/lifecycle';
import { type KubeClient, systemClock } from '@kuperator/runtime';
import { overConnections } from '../connections.ts';
import { APP_LABEL, controlledPod } from '../pod-manifest.ts';

/** The namespace of an attack, and the rights of the attacker. */
export type Ground = {
  readonly cluster: Cluster;
  /** A tenant with all rights in `namespace` and none elsewhere. */
  readonly tenant: KubeClient;
  readonly namespace: string;
  /** Of the rate that an attack has by itself, so much is used; from 0 to 1. Attacks that go on at once share the machine. */
  readonly pace: number;
};

/** Requests that a tenant, or a peer on the network, repeats at a limited rate. */
export type Attack = {
  readonly name: string;
  /** Prepares and begins the attack. */
  start(ground: Ground): Promise<Running>;
};

export type Running = {
  /** Number of requests that were refused or failed so far, and of all requests. */
  readonly counts: () => { readonly sent: number; readonly refused: number };
  stop(): Promise<void>;
};

const MOST_IN_FLIGHT = 32;

/** Calls `act` `perSecond` times a second, by the pace of the ground. Refused requests are counted and change nothing. Slow answers lower the rate. */
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

/** Creates `count` controlled Pods, with `labels` in addition to their own. */
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

type TenantRule = {
  /** Name of the object. */
  readonly name: string;
  /** The only rule of the object, without its name. */
  readonly rule: object;
  /** By default, the labels of all Pods of the namespace. */
  readonly matchLabels?: Readonly<Record<string, string>>;
};

/** Creates a PodTransitionRule of the tenant. */
export async function makeRule(
  { tenant, namespace }: Ground,
  { name, rule, matchLabels = { [APP_LABEL]: 'web' } }: TenantRule,
): Promise<void> {
  await tenant.create(POD_TRANSITION_RULES, {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { namespace, name },
    spec: { selector: { matchLabels }, rules: [{ name: 'rule', ...rule }] },
  });
}

/** A label check that no Pod passes, because no Pod has the label. */
export const REFUSES = { labelCheck: { requires: { matchLabels: { 'bench.kuperator.io/never': 'true' } } } };
