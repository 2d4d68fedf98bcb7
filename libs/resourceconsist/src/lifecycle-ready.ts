import { conditionOf, isReady, isTerminating, type Pod, SERVICE_READY_GATE } from '@kuperator/api';

/** True if the lifecycle wants the Pod in traffic: it is not being deleted, is Ready, and its service-ready condition is True or missing. */
export function isLifecycleReady(pod: Pod): boolean {
  const gate = conditionOf(pod, SERVICE_READY_GATE)?.status;
  return !isTerminating(pod) && isReady(pod) && (gate === undefined || gate === 'True');
}
