// What a user would apply.

import type { CollaSet, PodTransitionRule, Service } from '@kuperator/api';

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
};

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

export function service(namespace: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace, labels: { 'kusionstack.io/control': 'true' } },
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
