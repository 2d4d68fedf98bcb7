import { type ContainerStatus, isTerminating, type PersistentVolumeClaim, type Pod } from '@kuperator/api';
import { aCondition } from '@kuperator/testing';
import { includes, resizableOf, runningContainers } from '../collaset/plan/resources.ts';

/** The Pod with the status of its present spec; undefined if it already has it. */
export function followed(pod: Pod): Pod | undefined {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const isCurrent = runningContainers(pod.spec).every((container) => {
    const status = all.find(({ name }) => name === container.name);
    return status?.image === container.image && includes(status?.resources, resizableOf(container));
  });
  if (isCurrent) return undefined;
  const statusOf = ({ name, image = '', resources }: Pod['spec']['containers'][number]): ContainerStatus => ({
    name,
    image,
    imageID: `sha256:${image}`,
    containerID: `${pod.metadata.uid}/${image}`,
    ready: true,
    restartCount: 0,
    resources: resources ?? {},
  });
  const sidecars = pod.spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? [];
  return {
    ...pod,
    spec: { ...pod.spec, nodeName: pod.spec.nodeName ?? 'node' },
    status: {
      phase: 'Running',
      conditions: [aCondition('PodScheduled', true), aCondition('Ready', true)],
      containerStatuses: pod.spec.containers.map(statusOf),
      ...(sidecars.length > 0 ? { initContainerStatuses: sidecars.map(statusOf) } : {}),
    },
  };
}

/** The Pod after the kubelet rejected it for lack of room; undefined if it already was. */
export function rejected(pod: Pod): Pod | undefined {
  if (pod.status?.phase === 'Failed') return undefined;
  const message = 'Pod was rejected: node did not have enough resource: cpu';
  return { ...pod, status: { phase: 'Failed', reason: 'OutOfcpu', message } };
}

/** The claim, bound and with the requested size; undefined if it already is. */
export function provisioned(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
  const { storage } = claim.spec.resources?.requests ?? {};
  const { phase, capacity } = (claim.status ?? {}) as { phase?: string; capacity?: { storage?: string } };
  if (isTerminating(claim) || (phase === 'Bound' && capacity?.storage === storage)) return undefined;
  const storageClassName = claim.spec.storageClassName ?? 'standard';
  return { ...claim, spec: { ...claim.spec, storageClassName }, status: { phase: 'Bound', capacity: { storage } } };
}
