import {
  EXPECTED_FINALIZERS_RECORD_ANNOTATION,
  type KubeObject,
  LIFECYCLE_FINALIZERS_RECORD_ANNOTATION,
  own,
} from '@kuperator/api';
import type { Adapter } from './adapter.ts';
import type { Employees } from './employee-pods.ts';
import { type EmployerMarks, standingOf } from './pod-plan.ts';

/** All annotations of an object share 256 KiB, so a record must leave room for others. */
const MAX_RECORD_BYTES = 64 * 1024;

/**
 * The record annotations that must change, for tools that read them: the Pods that bear the expected key, and those that
 * bear the finalizer. Taken from the Pods themselves, so a Pod in the middle of a change cannot drop out of them.
 * @returns undefined when the employer says so already; an empty record goes, unless it was never there
 */
export function recordChanges<E extends KubeObject>(
  employer: E,
  {
    employees: { selected, marked },
    marks,
    records,
  }: { readonly employees: Employees; readonly marks: EmployerMarks; readonly records: Adapter<E>['records'] },
): Record<string, string | null> | undefined {
  const pods = [...selected, ...marked].map((pod) => ({
    name: pod.metadata.name ?? '',
    ...standingOf(pod, marks, { wanted: true, traffic: 'changing' }),
  }));
  const wanted: Record<string, string> = {};
  if (records?.expectedFinalizers) {
    wanted[EXPECTED_FINALIZERS_RECORD_ANNOTATION] = recordOf(pods.filter((pod) => pod.hasKey));
  }
  if (records?.lifecycleFinalizers) {
    wanted[LIFECYCLE_FINALIZERS_RECORD_ANNOTATION] = recordOf(pods.filter((pod) => pod.hasFinalizer));
  }
  const present = employer.metadata.annotations ?? {};
  const changes = Object.entries(wanted).filter(([key, names]) => (own(present, key) ?? '') !== names);
  return changes.length > 0 ? Object.fromEntries(changes.map(([key, names]) => [key, names || null])) : undefined;
}

/** Names joined with commas as far as they fit; a record cut short ends in `,...`. */
function recordOf(pods: readonly { name: string }[]): string {
  const names = pods.map(({ name }) => name).toSorted();
  const record = names.join(',');
  if (record.length <= MAX_RECORD_BYTES) return record;
  return `${record.slice(0, record.lastIndexOf(',', MAX_RECORD_BYTES))},...`;
}
