import type { CollaSet } from '@kuperator/api';

export type KStatus = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

/**
 * The status that kstatus computes for a custom resource. It checks in this order: deletion, generation, the first of Reconciling and Stalled
 * that is True, and Ready. kpt, Flux and Argo CD use it for their health checks.
 * @see sigs.k8s.io/cli-utils/pkg/kstatus/status, checkGenericProperties and Compute
 */
export function kstatusOf({ metadata, status }: CollaSet): KStatus {
  if (metadata.deletionTimestamp) return 'Terminating';
  const observed = status?.observedGeneration;
  if (metadata.generation !== undefined && observed !== undefined && observed !== metadata.generation)
    return 'InProgress';
  for (const condition of status?.conditions ?? []) {
    if (condition.status !== 'True') continue;
    if (condition.type === 'Reconciling') return 'InProgress';
    if (condition.type === 'Stalled') return 'Failed';
  }
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
