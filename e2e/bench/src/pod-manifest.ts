import { CONTROL_LABEL, type Pod, SERVICE_READY_GATE } from '@kuperator/api';

/** A namespace of its own for each contender, so that no watch of one sees the Pods of another. */
export type Arena = { readonly namespace: string };

export const APP_LABEL = 'bench.kuperator.io/app';

/** The template all contenders use. */
export function templateFor(image: string, env = 'a') {
  return {
    metadata: { labels: { [APP_LABEL]: 'web' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'web', image, env: [{ name: 'SETTING', value: env }] }],
    },
  };
}

/** A Pod as a user without a workload would write it. */
export function barePod({ namespace }: Arena, name: string, image: string): Pod {
  const { metadata, spec } = templateFor(image);
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec };
}

/** The same under the lifecycle: with its label and its readiness gate. */
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
