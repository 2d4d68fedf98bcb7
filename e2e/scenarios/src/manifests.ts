// What a user would apply.

import type { CollaSet, PodTransitionRule, Service } from '@kuperator/api';
import { KUBELET_DELAYS, type KubeletDelays } from '@kuperator/cluster';

export const NAME = 'web';
const APP = { app: NAME };

export type TemplateOptions = {
  readonly image: string;
  /** Value of an environment variable, which no running container can be given. */
  readonly setting?: string;
  /** How long the kubelet takes to replace a container, e.g. `300ms`. */
  readonly imageChangeDelay?: string | undefined;
};

export type ApplicationOptions = TemplateOptions & {
  readonly namespace: string;
  readonly replicas: number;
  /** How many Pods a PodTransitionRule lets be out of service at once; none: no rule. */
  readonly maxUnavailable?: number | string;
  /** How long the Service's Pods must be out of traffic before it counts, e.g. `3s`; none: the adapter's setting. */
  readonly trafficOffHold?: string;
  /** Least time between two syncs of the proxies that judge the traffic. */
  readonly proxyPeriodMs?: number;
};

/** Proxies that sync this often, and holds that cover them. The margin is for the witness: on a busy machine its news is late. */
export const PROXY_PERIOD_MS = 300;
/** The steps of a real kubelet, as much faster as the proxies are. */
export const KUBELET: KubeletDelays = {
  unready: third(KUBELET_DELAYS.unready),
  acknowledge: third(KUBELET_DELAYS.acknowledge),
  restart: third(KUBELET_DELAYS.restart),
  start: third(KUBELET_DELAYS.start),
  ready: third(KUBELET_DELAYS.ready),
  remove: third(KUBELET_DELAYS.remove),
  backOff: third(KUBELET_DELAYS.backOff),
};
export const HOLDS = { TRAFFIC_OFF_HOLD_MS: '1500', TRAFFIC_ON_HOLD_MS: '100' };

export function template({ image, setting = 'a', imageChangeDelay }: TemplateOptions) {
  return {
    metadata: {
      labels: APP,
      ...(imageChangeDelay ? { annotations: { 'kwok.kuperator.io/image-change-delay': imageChangeDelay } } : {}),
    },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: NAME, image, env: [{ name: 'SETTING', value: setting }], ports: [{ containerPort: 8080 }] }],
    },
  };
}

export function service(namespace: string, trafficOffHold?: string): Service {
  const annotations = trafficOffHold ? { 'resource-consist.kusionstack.io/traffic-off-hold': trafficOffHold } : {};
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace, labels: { 'kusionstack.io/control': 'true' }, annotations },
    spec: { selector: APP, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

export function budget(namespace: string, maxUnavailableValue: number | string): PodTransitionRule {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name: NAME, namespace },
    spec: {
      selector: { matchLabels: APP },
      rules: [{ name: 'budget', availablePolicy: { maxUnavailableValue } }],
    },
  };
}

export function collaSet(options: ApplicationOptions): CollaSet {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'CollaSet',
    metadata: { name: NAME, namespace: options.namespace },
    spec: { replicas: options.replicas, selector: { matchLabels: APP }, template: template(options) },
  };
}

function third([least, most]: readonly [number, number]): [number, number] {
  return [Math.round(least / 3), Math.round(most / 3)];
}
