// The manifests that a user would apply.

import type { CollaSet, PodTransitionRule, Service } from '@kuperator/api';

export const NAMESPACE = 'demo';
export const NAME = 'web';
const APP = { app: NAME };
/** Share of the Pods that may be out of traffic at the same time. */
export const MAX_UNAVAILABLE = '20%';

export const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, namespace: NAMESPACE, labels: { 'kusionstack.io/control': 'true' } },
  spec: { selector: APP, ports: [{ port: 80, targetPort: 8080 }] },
};

export const rule: PodTransitionRule = {
  apiVersion: 'apps.kusionstack.io/v1alpha1',
  kind: 'PodTransitionRule',
  metadata: { name: NAME, namespace: NAMESPACE },
  spec: {
    selector: { matchLabels: APP },
    rules: [{ name: 'budget', availablePolicy: { maxUnavailableValue: MAX_UNAVAILABLE } }],
  },
};

export function collaSet(replicas: number, image: string): CollaSet {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'CollaSet',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: { replicas, selector: { matchLabels: APP }, template: template(image) },
  };
}

export function template(image: string) {
  return {
    metadata: { labels: APP },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: NAME, image, ports: [{ containerPort: 8080 }] }] },
  };
}
