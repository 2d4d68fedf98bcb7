import {
  CONTROL_LABEL,
  type CollaSet,
  type Pod,
  type PodTransitionRule,
  SERVICE_READY_GATE,
  type Service,
} from '@kuperator/api';

/** Each contender has its own namespace, so that its watch does not see the Pods of another. */
export type Arena = { readonly namespace: string };

export const APP_LABEL = 'bench.kuperator.io/app';

/** The template that all contenders use. */
export function templateFor(image: string, env = 'a') {
  return {
    metadata: { labels: { [APP_LABEL]: 'web' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'web', image, env: [{ name: 'SETTING', value: env }] }],
    },
  };
}

/** A Pod without an owner, as a user would write it. */
export function barePod({ namespace }: Arena, name: string, image: string): Pod {
  const { metadata, spec } = templateFor(image);
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec };
}

/** The same Pod under the lifecycle, with the control label and the readiness gate. */
export function controlledPod(arena: Arena, name: string, image: string): Pod {
  const pod = barePod(arena, name, image);
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [CONTROL_LABEL]: 'true' } },
    spec: { ...pod.spec, readinessGates: [{ conditionType: SERVICE_READY_GATE }] },
  };
}

export function podName(at: number, round = 0): string {
  return `web-${round}-${at}`;
}

const WEB = { [APP_LABEL]: 'web' };

/** A CollaSet of Pods from the template. */
export function webSet({ namespace }: Arena, replicas: number, image: string): CollaSet {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'CollaSet',
    metadata: { name: 'web', namespace },
    spec: { replicas, selector: { matchLabels: WEB }, template: templateFor(image) },
  };
}

/** A rule that allows this number of Pods to be unavailable. */
export function webBudget({ namespace }: Arena, maxUnavailableValue: number | string): PodTransitionRule {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name: 'web', namespace },
    spec: { selector: { matchLabels: WEB }, rules: [{ name: 'budget', availablePolicy: { maxUnavailableValue } }] },
  };
}

/** A Service over the Pods, which the endpointslice-adapter guards. */
export function webService({ namespace }: Arena): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace, labels: { [CONTROL_LABEL]: 'true' } },
    spec: { selector: WEB, ports: [{ port: 80 }] },
  };
}
