import { conditionOf, isReady, isTerminating, type Pod, SERVICE_READY_GATE } from '@kuperator/api';

/** The lifecycle wants the Pod in traffic: not being deleted, Ready, and its service-ready condition True or never written. */
export function isLifecycleReady(pod: Pod): boolean {
  const gate = conditionOf(pod, SERVICE_READY_GATE)?.status;
  return !isTerminating(pod) && isReady(pod) && (gate === undefined || gate === 'True');
}
