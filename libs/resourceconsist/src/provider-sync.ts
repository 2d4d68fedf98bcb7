import type { KubeObject, Pod } from '@kuperator/api';
import { messageOf } from '@kuperator/runtime';
import type {
  AdapterPass,
  Backend,
  EmployeeRecord,
  Outcome,
  Provider,
  ProviderRecord,
  RecordResults,
  Results,
  TrafficOf,
} from './adapter.ts';
import { diffById } from './diff.ts';
import type { Employees } from './employee-pods.ts';
import { isLifecycleReady } from './lifecycle-ready.ts';
import { inStep, StepError } from './step-error.ts';

export type BackendSync = {
  readonly trafficOf: TrafficOf;
  readonly results: Results;
  /** True if the provider has no records of the employer any more. This happens only while the employer is leaving. */
  readonly clean: boolean;
  /** Records that were refused or are in progress. */
  readonly unsettled: number;
};

export type SyncInput<E extends KubeObject> = {
  readonly employer: E;
  readonly employees: Employees;
  /** True if no records are expected any more. */
  readonly leaving: boolean;
  readonly pass: AdapterPass;
};

/**
 * Makes the backend match: first the employer's own records, then those of its Pods.
 * @throws StepError with the reason of the Event to record
 */
export async function syncBackend<E extends KubeObject>(
  backend: Backend<E>,
  { employer, employees: { selected, marked }, leaving, pass }: SyncInput<E>,
): Promise<BackendSync> {
  const pods = [...selected, ...marked];
  const scope = { employer, expectedOf: leaving ? [] : selected, leaving, pods, pass };
  const own = backend.employer ? await syncRecords(EMPLOYER_STEPS, backend.employer, scope) : NOTHING;
  const employees = await syncRecords(EMPLOYEE_STEPS, backend.employees, scope);
  return {
    trafficOf: trafficOfRecords(pods, selected, employees),
    results: { employer: own.results, employees: employees.results },
    clean: leaving && own.moving.length === 0 && employees.moving.length === 0,
    unsettled: own.moving.length + employees.moving.length,
  };
}

/** The words for messages and for the reasons of Events. */
type Steps = { readonly kind: string; readonly event: string };
const EMPLOYER_STEPS: Steps = { kind: 'employer', event: 'Employer' };
const EMPLOYEE_STEPS: Steps = { kind: 'employees', event: 'Employees' };

type Scope<E> = {
  readonly employer: E;
  readonly expectedOf: readonly Pod[];
  readonly leaving: boolean;
  readonly pods: readonly Pod[];
  readonly pass: AdapterPass;
};

type Synced<T> = {
  /** The provider now shows them as expected. */
  readonly inStep: readonly T[];
  /** Refused, or in progress. */
  readonly moving: readonly T[];
  readonly results: RecordResults;
};

const NO_RESULTS: RecordResults = { created: [], updated: [], deleted: [], unchanged: [], failed: [] };
const NOTHING: Synced<ProviderRecord> = { inStep: [], moving: [], results: NO_RESULTS };

async function syncRecords<E extends KubeObject, T extends ProviderRecord>(
  steps: Steps,
  provider: Provider<E, T>,
  { employer, expectedOf, leaving, pods, pass }: Scope<E>,
): Promise<Synced<T>> {
  const { kind, event } = steps;
  const expected = leaving
    ? []
    : await inStep(`GetExpected${event}Failed`, `get expected ${kind} failed`, () =>
        provider.expected(employer, expectedOf, pass),
      );
  const current = await inStep(`GetCurrent${event}Failed`, `get current ${kind} failed`, () =>
    provider.current(employer, pods, pass),
  );
  const equal = provider.equal?.bind(provider);
  const diff = await inStep(`Sync${event}Failed`, `sync ${kind} failed`, () => diffById(expected, current, equal));
  const call = async (verb: 'create' | 'update' | 'delete', items: readonly T[]): Promise<Required<Outcome<T>>> => {
    if (items.length === 0) return { succeeded: [], failed: [] };
    try {
      const outcome = await provider[verb](employer, items, pass);
      return { succeeded: outcome ? outcome.succeeded : items, failed: outcome?.failed ?? [] };
    } catch (cause) {
      const detail = `sync${verb[0]?.toUpperCase()}${verb.slice(1)} failed, err: ${messageOf(cause)}`;
      throw new StepError({ reason: `Sync${event}Failed`, attempted: `sync ${kind} failed`, detail, cause });
    }
  };
  const created = await call('create', diff.create);
  const updated = await call('update', diff.update);
  const deleted = await call('delete', diff.delete);
  const done = new Set([...created.succeeded, ...updated.succeeded, ...deleted.succeeded].map(({ id }) => id));
  return {
    inStep: [...created.succeeded, ...updated.succeeded, ...diff.unchanged],
    moving: [...diff.create, ...diff.update, ...diff.delete].filter(({ id }) => !done.has(id)),
    results: {
      created: created.succeeded,
      updated: updated.succeeded,
      deleted: deleted.succeeded,
      unchanged: diff.unchanged,
      failed: [...created.failed, ...updated.failed, ...deleted.failed],
    },
  };
}

/**
 * Derives the traffic of each Pod from the sync. It uses the readiness of the Pods from which `expected` was computed, because the provider now
 * matches that. A Pod that has changed since then, or has taken the name of another, counts as `changing` until the next pass.
 */
function trafficOfRecords(pods: readonly Pod[], selected: readonly Pod[], synced: Synced<EmployeeRecord>): TrafficOf {
  const seen = new Set(pods.map((pod) => pod.metadata.uid));
  const ready = new Set(selected.filter(isLifecycleReady).map((pod) => pod.metadata.uid));
  const moving = new Set(synced.moving.map(({ podName }) => podName));
  const inStepNames = new Set(synced.inStep.map(({ podName }) => podName));
  return (pod) => {
    const { name, uid } = pod.metadata;
    if (!seen.has(uid) || moving.has(name)) return 'changing';
    // If the records match those of a ready Pod, its traffic is on. A Pod without any record has no traffic.
    return inStepNames.has(name) && ready.has(uid) ? 'on' : 'off';
  };
}
