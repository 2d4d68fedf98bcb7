import type { CollaSet } from '@kuperator/api';

export type KStatus = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

/**
 * What kstatus makes of a custom resource, in the order in which it asks: deletion, generation, the first of Reconciling and Stalled that is
 * True, then Ready. By this kpt, Flux and Argo CD's health checks judge an object.
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
