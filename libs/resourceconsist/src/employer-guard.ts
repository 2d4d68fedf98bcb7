// The marks that the adapter adds to an employer: the annotation that names the adapter, the clean finalizer, and the records of its Pods.
import type { Key, KubeObject } from '@kuperator/api';
import { type Adapter, backendOf, movesTraffic } from './adapter.ts';
import { withCleanFinalizer, withoutCleanFinalizer } from './clean-finalizer.ts';
import type { Employees } from './employee-pods.ts';
import { type EmployerStanding, standingOfEmployer } from './employer.ts';
import type { EmployerReports } from './employer-reports.ts';
import type { EmployerWriter } from './employer-writer.ts';
import { adapterMark } from './ownership.ts';
import type { EmployerMarks } from './pod-plan.ts';
import type { BackendSync } from './provider-sync.ts';
import { recordChanges } from './records.ts';
import { inStep } from './step-error.ts';

/** The employers that this process has guarded, by uid. If one of them names another adapter, the employer has changed hands. */
export class GuardedEmployers<E extends KubeObject> {
  readonly #adapter: Adapter<E>;
  readonly #uids = new Map<Key, string | undefined>();

  constructor(adapter: Adapter<E>) {
    this.#adapter = adapter;
  }

  /** The standing of the employer now; `out` if it does not exist. Remembers an active employer. */
  standingOf(key: Key, employer: E | undefined): EmployerStanding {
    const wasOurs = employer !== undefined && this.#uids.get(key) === employer.metadata.uid;
    const standing = employer ? standingOfEmployer(employer, this.#adapter, { wasOurs }) : 'out';
    if (standing === 'active') this.#uids.set(key, employer?.metadata.uid);
    else if (!wasOurs || standing === 'foreign') this.#uids.delete(key);
    return standing;
  }

  forget(key: Key): void {
    this.#uids.delete(key);
  }
}

export type GuardDeps<E extends KubeObject> = {
  readonly guarded: Pick<GuardedEmployers<E>, 'forget'>;
  readonly adapter: Adapter<E>;
  readonly writeEmployer: EmployerWriter<E>;
  readonly reports: Pick<EmployerReports<E>, 'done'>;
};

/**
 * Puts the adapter's marks on an active employer. Nothing may be created at a provider before the finalizer is stored that makes sure it is
 * removed again. And the coordinator must know of the adapter before it sees the next Pod, or that Pod could be changed unguarded.
 * @returns the employer as written
 */
export async function guardEmployer<E extends KubeObject>(
  { adapter, writeEmployer, reports }: GuardDeps<E>,
  employer: E,
  standing: EmployerStanding,
): Promise<E> {
  const finalizers =
    standing === 'active' && movesTraffic(adapter, employer) ? withCleanFinalizer(employer) : undefined;
  const annotations = standing === 'active' ? adapterMark(employer, 'guarded', adapter.name) : undefined;
  if (!finalizers && !annotations) return employer;
  const held = await inStep('EnsureEmployerCleanFinalizerFailed', 'ensure employer clean finalizer failed', () =>
    writeEmployer(employer, { finalizers, annotations }),
  );
  if (finalizers) reports.done(held, 'EnsureEmployerCleanFinalizerSucceed', 'ensure employer clean finalizer succeed');
  return held;
}

export type EmployerEnd<E extends KubeObject> = {
  readonly key: Key;
  readonly employer: E;
  readonly standing: EmployerStanding;
  readonly marks: EmployerMarks;
  /** The Pods after the writes of the pass. */
  readonly readEmployees: () => Employees;
  readonly sync: BackendSync | undefined;
};

/**
 * The last write of a pass on the employer: its records, and, once nothing of it is left, the removal of the adapter's marks.
 * @returns whether the clean finalizer was removed
 */
export async function finishEmployer<E extends KubeObject>(
  { guarded, adapter, writeEmployer, reports }: GuardDeps<E>,
  { key, employer, standing, marks, readEmployees, sync }: EmployerEnd<E>,
): Promise<boolean> {
  const name = standing === 'out' ? adapterMark(employer, 'released', adapter.name) : undefined;
  if (!adapter.records && !sync?.clean && !name) return false;
  const employees = readEmployees();
  const records = recordChanges(employer, { employees, marks, records: adapter.records });
  const isClean = sync ? sync.clean : !backendOf(adapter) || withoutCleanFinalizer(employer) === undefined;
  const released = standing !== 'active' && isClean && employees.marked.length === 0;
  // The adapter has come to only observe the traffic: nothing of the employer is left at the backend.
  const isObserved = standing === 'active' && isClean && !movesTraffic(adapter, employer);
  const finalizers = released || isObserved ? withoutCleanFinalizer(employer) : undefined;
  const annotations = released && name ? { ...records, ...name } : records;
  if (released) guarded.forget(key);
  if (!annotations && !finalizers) return false;
  const written = await inStep('CleanEmployerCleanFinalizerFailed', 'clean employer clean finalizer failed', () =>
    writeEmployer(employer, { annotations, finalizers }),
  );
  if (!finalizers) return false;
  reports.done(written, 'CleanEmployerCleanFinalizerSucceed', 'clean employer clean finalizer succeed');
  return true;
}
