// The manifests that a user would apply.

import type { CollaSet, PodTransitionRule, Service } from '@kuperator/api';
import { KUBELET_DELAYS, type KubeletDelays } from '@kuperator/cluster';

export const NAME = 'web';
const APP = { app: NAME };

export type TemplateOptions = {
  readonly image: string;
  /** Value of an environment variable. It cannot be changed in a running container. */
  readonly setting?: string;
  /** How long the kubelet takes to replace a container, e.g. `300ms`. */
  readonly imageChangeDelay?: string | undefined;
};

export type ApplicationOptions = TemplateOptions & {
  readonly namespace: string;
  readonly replicas: number;
  /** Number of Pods that a PodTransitionRule allows to be out of service at the same time. If it is not set, there is no rule. */
  readonly maxUnavailable?: number | string;
  /** The Service's hold for "off", e.g. `3s`. If it is not set, the setting of the adapter applies. */
  readonly trafficOffHold?: string;
  /** What the Service has besides its selector and port. If it is not controlled, no adapter guards its traffic. */
  readonly service?: {
    readonly isControlled?: boolean;
    readonly annotations?: Record<string, string>;
    readonly spec?: object;
  };
  /** Shortest time between two syncs of the proxies by which traffic is judged. */
  readonly proxyPeriodMs?: number;
};

/** The sync period of the proxies, and holds that cover it. The margin is for the observer, which sees changes late on a busy machine. */
export const PROXY_PERIOD_MS = 300;
/** The steps of a real kubelet, accelerated by the same factor as the proxies. */
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

export function service(
  namespace: string,
  { trafficOffHold, service: more = {} }: Pick<ApplicationOptions, 'trafficOffHold' | 'service'> = {},
): Service {
  const annotations = {
    ...(trafficOffHold ? { 'resource-consist.kusionstack.io/traffic-off-hold': trafficOffHold } : {}),
    ...more.annotations,
  };
  const labels = more.isControlled === false ? {} : { 'kusionstack.io/control': 'true' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace, labels, annotations },
    spec: { selector: APP, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...more.spec },
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
