import { isTerminal, isTerminating, own, type Pod } from '@kuperator/api';
import type { Traffic } from './adapter.ts';
import { expectedOf } from './expected.ts';
import { isLifecycleReady } from './lifecycle-ready.ts';
import { sharersOf } from './names.ts';

/** The marks that an employer adds to its Pods. */
export type EmployerMarks = {
  /** Key in the Pods' expected finalizers: `Service/default/nginx`. */
  readonly expectedKey: string;
  readonly finalizer: string;
};

/** Changes to one Pod: the expected-finalizer key, the finalizer, or both in one write. Absent: leave as it is. */
export type PodChange = { readonly expected?: boolean; readonly finalizer?: boolean };

/** The state of a Pod in relation to one employer. */
export type PodStanding = {
  /** The employer takes part and selects the Pod. */
  readonly wanted: boolean;
  readonly ready: boolean;
  readonly traffic: Traffic;
  /** The Pod can still get traffic: it is neither terminating nor terminal. */
  readonly lives: boolean;
  /** The Pod announces this employer's finalizer. */
  readonly announced: boolean;
  /** The Pod has a key of this employer, whatever its value. */
  readonly hasKey: boolean;
  readonly hasFinalizer: boolean;
};

export function standingOf(
  pod: Pod,
  marks: EmployerMarks,
  { wanted, traffic }: { wanted: boolean; traffic: Traffic },
): PodStanding {
  const announced = own(expectedOf(pod), marks.expectedKey);
  return {
    wanted,
    traffic,
    ready: isLifecycleReady(pod),
    lives: !isTerminating(pod) && !isTerminal(pod),
    announced: announced === marks.finalizer,
    hasKey: announced !== undefined,
    // An employer of another kind with the same name shares the finalizer, so it must not be removed when this one leaves.
    hasFinalizer: wanted ? bearsFinalizer(pod, marks) : bearsOwnFinalizer(pod, marks),
  };
}

/** The finalizer is on the Pod, and no other employer announces the same one. */
export function bearsOwnFinalizer(pod: Pod, marks: EmployerMarks): boolean {
  return bearsFinalizer(pod, marks) && sharersOf(marks.finalizer, marks.expectedKey, expectedOf(pod)).length === 0;
}

function bearsFinalizer(pod: Pod, { finalizer }: EmployerMarks): boolean {
  return pod.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Next step of one Pod in relation to one employer. The finalizer is added when the Pod is ready and has traffic, and removed when it is
 * not ready and has no traffic. In between it stays, and an operation waits for its removal.
 * @returns undefined if there is nothing to write
 */
export function planPod(standing: PodStanding): PodChange | undefined {
  return standing.wanted ? planWanted(standing) : planUnwanted(standing);
}

function planWanted({ ready, traffic, lives, announced, hasFinalizer }: PodStanding): PodChange | undefined {
  // The API server refuses a new finalizer on a terminating Pod; `ready` excludes that.
  const on = ready && traffic === 'on' && !hasFinalizer;
  const off = !ready && traffic === 'off' && hasFinalizer;
  const change = {
    // The Pod must be announced before it can become service-available, so this never waits. A terminating Pod needs no announcement.
    ...(lives && !announced ? { expected: true } : {}),
    ...(on ? { finalizer: true } : off ? { finalizer: false } : {}),
  };
  return isNothing(change) ? undefined : change;
}

/**
 * For a Pod that is no longer selected, or whose employer is leaving (T87). Key and finalizer are removed in one write. A key without a
 * finalizer also stays while there is traffic: it names the adapter that the coordinator must ask.
 */
function planUnwanted({ traffic, hasKey, hasFinalizer }: PodStanding): PodChange | undefined {
  if (traffic !== 'off') return undefined;
  const change = { ...(hasKey ? { expected: false } : {}), ...(hasFinalizer ? { finalizer: false } : {}) };
  return isNothing(change) ? undefined : change;
}

/** True if the Pod waits for the backend: its traffic does not match its readiness. `hasFinalizer` is that after the Pod's change. */
export function isUnsettled({ wanted, ready, lives, traffic, hasKey, hasFinalizer }: PodStanding): boolean {
  if (!wanted) return hasFinalizer || (hasKey && traffic !== 'off');
  return lives && ready ? !hasFinalizer : hasFinalizer;
}

function isNothing(change: PodChange): boolean {
  return change.expected === undefined && change.finalizer === undefined;
}
