import {
  CONTROL_LABEL,
  DELETE_AT_ONCE_ANNOTATION,
  isTerminal,
  isTerminating,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
} from '@kuperator/api';
import { operationsOf, podStateOf } from '@kuperator/lifecycle';

/** Why a Pod may be deleted without (more) waiting. */
export type Pass = 'uncontrolled' | 'terminating' | 'finished' | 'unscheduled' | 'gateless' | 'at-once' | 'permitted';

/**
 * Why `pod` may be deleted now; undefined: it has to be taken out of service first. The chart's matchConditions say the same,
 * so that the API server need not even ask; they are an economy, this is the rule.
 */
export function passOf(pod: Pod): Pass | undefined {
  const { labels, annotations } = pod.metadata;
  if (labels?.[CONTROL_LABEL] !== 'true') return 'uncontrolled';
  // The kubelet's final delete of a Pod that got there without permission would otherwise wait for ever.
  if (isTerminating(pod)) return 'terminating';
  if (isTerminal(pod)) return 'finished';
  if (!pod.spec.nodeName) return 'unscheduled';
  // Without the gate there is no means to take it out of traffic (T84).
  if (!podStateOf(pod).gated) return 'gateless';
  if (annotations?.[DELETE_AT_ONCE_ANNOTATION] === 'true') return 'at-once';
  return mayGo(pod) ? 'permitted' : undefined;
}

/** Some operation that ends in the Pod's deletion was permitted, whoever leads it: one drain is enough. */
function mayGo(pod: Pod): boolean {
  if (pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] === undefined) return false;
  return operationsOf(pod).some(({ stage }) => stage === 'Operate');
}
