// Kinds of Kubernetes that only this operator uses, with the fields that it uses.

import type { KubeObject, LabelSelector, Resource } from '@kuperator/api';

export type PodDisruptionBudget = KubeObject & {
  spec: { selector?: LabelSelector; unhealthyPodEvictionPolicy?: string; [field: string]: unknown };
  status?: {
    observedGeneration?: number;
    desiredHealthy?: number;
    currentHealthy?: number;
    disruptionsAllowed?: number;
    /** The name of each Pod whose eviction was allowed, and when. */
    disruptedPods?: Record<string, string>;
    [field: string]: unknown;
  };
};

export const POD_DISRUPTION_BUDGETS: Resource<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
};

export const NAMESPACES: Resource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

export type Secret = KubeObject & { data?: Record<string, string> };
export const SECRETS: Resource<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};

export type WebhookConfiguration = KubeObject & {
  webhooks?: {
    name: string;
    clientConfig: { caBundle?: string; url?: string; service?: { name: string; namespace: string; path?: string } };
  }[];
};
export const VALIDATING_WEBHOOKS: Resource<WebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  namespaced: false,
};
export const MUTATING_WEBHOOKS: Resource<WebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  namespaced: false,
};
