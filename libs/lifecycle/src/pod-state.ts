import {
  type ConditionStatus,
  conditionOf,
  isReady,
  type Pod,
  PROTECTION_FINALIZER_PREFIX,
  SERVICE_READY_GATE,
} from '@kuperator/api';
import { type ExpectedFinalizers, expectedFinalizersOf, missingFinalizers } from './expected-finalizers.ts';
import type { Labels } from './label-changes.ts';

/** The part of a Pod that the protocol depends on. */
export type PodState = {
  readonly labels: Labels;
  readonly finalizers: readonly string[];
  /** The Pod's spec carries the service-ready gate. A Pod put under control after its creation has none. */
  readonly gated: boolean;
  /** Status of the service-ready condition; undefined when it was never written. */
  readonly gate: ConditionStatus | undefined;
  readonly ready: boolean;
  /** Undefined if the annotation cannot be parsed. */
  readonly expected: ExpectedFinalizers | undefined;
};

/** Reads the state from a Pod as the API server returns it, or from a cached Pod that keeps these fields. */
export function podStateOf(pod: Pod): PodState {
  return {
    labels: pod.metadata.labels ?? {},
    finalizers: pod.metadata.finalizers ?? [],
    gated: pod.spec.readinessGates?.some((gate) => gate.conditionType === SERVICE_READY_GATE) ?? false,
    gate: conditionOf(pod, SERVICE_READY_GATE)?.status,
    ready: isReady(pod),
    expected: expectedFinalizersOf(pod),
  };
}

/** Finalizers of traffic controllers, and of other controllers, that still hold the Pod. */
export function protectionFinalizers(state: Pick<PodState, 'finalizers'>): readonly string[] {
  return state.finalizers.filter((finalizer) => finalizer.startsWith(PROTECTION_FINALIZER_PREFIX));
}

/**
 * True if traffic is off and no finalizer holds the Pod: `operate` may be granted.
 * A gated Pod whose condition was never written cannot be Ready, so it counts as closed. Traffic of a Pod without the gate
 * cannot be closed; as in the Go implementation, its operations continue rather than wait for ever.
 */
export function isDrained(state: PodState): boolean {
  if (!state.gated) return true;
  return (state.gate === undefined || state.gate === 'False') && protectionFinalizers(state).length === 0;
}

/** True if the gate lets traffic in, or the Pod has no gate. */
export function isGateOpen(state: PodState): boolean {
  return !state.gated || state.gate === 'True';
}

/** True if every expected finalizer is on the Pod, that is, every adapter has its traffic on. */
export function hasExpectedFinalizers(state: PodState): boolean {
  const missing = missingFinalizers(state.expected, state.finalizers);
  return missing !== undefined && Object.keys(missing).length === 0;
}
