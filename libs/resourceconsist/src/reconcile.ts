import { type Key, type KubeObject, splitKey } from '@kuperator/api';
import type { Logger, Reconcile, ReconcileResult, Sight } from '@kuperator/runtime';
import { TerminalError, ThrottledError } from '@kuperator/runtime';
import type { Adapter, AdapterPass, Refusal } from './adapter.ts';
import { type EmployeeCaches, type Employees, employeesOf } from './employee-pods.ts';
import { type EmployerStanding, isOptedIn } from './employer.ts';
import { finishEmployer, GuardedEmployers, guardEmployer } from './employer-guard.ts';
import type { EmployerReports } from './employer-reports.ts';
import type { EmployerWriter } from './employer-writer.ts';
import { expectedOf } from './expected.ts';
import type { HeldTraffic } from './held-traffic.ts';
import { expectedKeyFor, lifecycleFinalizerFor, sharersOf } from './names.ts';
import { adapterMark, foreignMark } from './ownership.ts';
import { type PassPlan, planPass, UNKNOWN_TRAFFIC } from './pass-plan.ts';
import { type EmployerMarks, planPod, standingOf } from './pod-plan.ts';
import type { PodWrite, PodWriter } from './pod-writer.ts';
import type { BackendSync } from './provider-sync.ts';
import type { Recheck } from './recheck.ts';
import type { StrayPods } from './stray-pods.ts';
import { askTraffic } from './traffic-answer.ts';
import type { TrafficHold } from './traffic-hold.ts';

export type ReconcileDeps<E extends KubeObject> = EmployeeCaches<E> & {
  readonly adapter: Adapter<E>;
  readonly podWriter: PodWriter;
  readonly writeEmployer: EmployerWriter<E>;
  readonly reports: EmployerReports<E>;
  readonly strays: StrayPods;
  readonly recheck: Recheck;
  readonly heldTraffic: HeldTraffic;
  /** The hold of employers that set none themselves. Only observers have one. */
  readonly hold: TrafficHold;
  /** Tells whether the caches that an observer uses are current. Finalizers change only while they are. */
  readonly sight: Sight | undefined;
  /** Queues another pass in `ms`, even if the present one fails. */
  readonly wakeAfter: (employer: Key, ms: number) => void;
  /** Called after each pass with the number of the employer's Pods that wait for their traffic. */
  readonly onUnsettled: (employer: Key, pods: number) => void;
  /** Called in each pass with whether the employer is left to the adapter that has marked it. */
  readonly onLeftAlone: (employer: Key, isLeft: boolean) => void;
};

/** Event on an employer that another adapter guards. */
const GUARDED_BY_ANOTHER = 'GuardedByAnother';

/** Event on an employer whose traffic is unknown, because caches may be stale. */
const CACHE_NOT_CURRENT = 'CacheNotCurrent';
/** When to check again whether the caches are current. */
const BLIND_MS = 1000;

type Deps<E extends KubeObject> = ReconcileDeps<E> & { readonly guarded: GuardedEmployers<E> };

/** One pass over one employer. */
type EmployerPass<E extends KubeObject> = {
  readonly key: Key;
  /** As the cache shows it; undefined if it does not exist. */
  readonly employer: E | undefined;
  readonly standing: EmployerStanding;
  readonly marks: EmployerMarks;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** One pass for one employer: everything it needs is in the caches and at the provider. */
export function resourceConsistReconciler<E extends KubeObject>(reconcileDeps: ReconcileDeps<E>): Reconcile {
  const { adapter, employers, reports, onLeftAlone } = reconcileDeps;
  const deps = { ...reconcileDeps, guarded: new GuardedEmployers(adapter) };
  const kindName = adapter.employers.resource.kind;
  return async function reconcile(key, { logger, signal }) {
    const employer = employers.get(key);
    const standing = deps.guarded.standingOf(key, employer);
    if (employer && standing === 'foreign') return leaveAlone(deps, { key, employer, logger });
    onLeftAlone(key, false);
    reports.cleared(key, GUARDED_BY_ANOTHER);
    reportRefusal(deps, key, employer);
    const marks = {
      expectedKey: expectedKeyFor(kindName, key),
      finalizer: lifecycleFinalizerFor(splitKey(key).name),
    };
    try {
      return await runPass(deps, { key, employer, standing, marks, logger, signal });
    } catch (error) {
      if (employer) await reports.failed(employer, error, logger);
      throw isRetryDecision(error) ? error.cause : error;
    }
  };
}

/** Plan, act, report. */
async function runPass<E extends KubeObject>(deps: Deps<E>, pass: EmployerPass<E>): Promise<ReconcileResult> {
  const { adapter, podWriter, reports } = deps;
  const { key, standing, marks, logger, signal } = pass;
  const wakeUps: number[] = [];
  const warnings: Refusal[] = [];
  await releaseStrays(deps, pass);
  const employer = pass.employer && (await guardEmployer(deps, pass.employer, standing));
  const readEmployees = employeeReader(deps, { ...pass, employer });

  const asked = await askAndAnnounce(deps, {
    pass: { ...pass, employer },
    readEmployees,
    adapterPass: {
      logger,
      signal,
      recheckAfter: (ms) => wakeUps.push(ms),
      warn: (reason, message) => warnings.push({ reason, message }),
    },
  });
  const { employees, answer } = asked;
  if (employer) reports.ofAdapter(key, employer, warnings);
  const wanted = planPass(employees, marks, answer);
  const plan = (await mayMove(deps, { ...pass, employer }, wanted))
    ? wanted
    : planPass(employees, marks, UNKNOWN_TRAFFIC);
  // Queued now, because the pass may fail for another Pod, and then the queue backs off for longer.
  if (plan.heldForMs !== undefined) deps.wakeAfter(key, plan.heldForMs);
  const failures = [...asked.failures, ...(await podWriter.write(marks, plan.writes))];
  deps.onUnsettled(key, plan.unsettled);

  const { sync } = answer;
  if (employer) {
    reportSharers(deps, { ...pass, employer }, plan.writes);
    const isCleaned = await finishEmployer(deps, { key, employer, standing, marks, readEmployees, sync });
    if (failures.length === 0 && !isCleaned) await reports.succeeded(employer, sync?.results, logger);
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `writing Pods of ${adapter.employers.resource.kind} ${key}`);
  }
  return requeue(deps, { key, plan, sync, wakeUps });
}

/** Reads the employer's Pods from the cache, as it is at each call. */
function employeeReader<E extends KubeObject>(deps: Deps<E>, pass: EmployerPass<E>): () => Employees {
  const { key, employer, standing, marks } = pass;
  const selector = employer && standing === 'active' ? deps.adapter.employers.selectorOf(employer) : undefined;
  return () => employeesOf(deps.pods, { employer: key, selector, marks });
}

/**
 * Asks the adapter for the traffic. The answer can take long or fail, so Pods are announced meanwhile: the key that a Pod must wait for has
 * to be on it before the Pod becomes available.
 */
async function askAndAnnounce<E extends KubeObject>(
  deps: Deps<E>,
  asking: {
    readonly pass: EmployerPass<E>;
    readonly readEmployees: () => Employees;
    readonly adapterPass: AdapterPass;
  },
) {
  const { readEmployees, adapterPass } = asking;
  const { key, employer, standing, marks } = asking.pass;
  const employees = readEmployees();
  const asked = askTraffic(deps, { key, employer, standing, employees, pass: adapterPass });
  if (!(asked instanceof Promise)) return { answer: asked, employees, failures: [] };
  // Awaited below; until then a failure must not count as unhandled.
  asked.catch(() => {});
  const failures = await deps.podWriter.write(marks, planPass(employees, marks, UNKNOWN_TRAFFIC).writes);
  const answer = await asked;
  // Read the Pods again: they have changed by our own writes, and while the provider worked.
  return { answer, employees: readEmployees(), failures };
}

/** Returns true if the caches are current enough to change finalizers. If they have just been compared, the next pass decides. */
async function mayMove<E extends KubeObject>(
  { adapter, sight, reports, wakeAfter }: Deps<E>,
  { key, employer }: EmployerPass<E>,
  { writes }: PassPlan,
): Promise<boolean> {
  const namespace = splitKey(key).namespace ?? '';
  const moves = writes.some(({ change }) => change.finalizer !== undefined);
  if (!sight || !moves || sight.isClear(namespace)) {
    reports.cleared(key, CACHE_NOT_CURRENT);
    return true;
  }
  const blindTo = await sight.blindTo(namespace);
  wakeAfter(key, blindTo.length > 0 ? BLIND_MS : 0);
  if (employer && blindTo.length > 0) {
    const message = `${adapter.name} cannot tell whether its cache of ${blindTo.join(', ')} is current: Pods wait until it can`;
    reports.warnOnce(key, employer, { reason: CACHE_NOT_CURRENT, message });
  }
  return false;
}

/**
 * Leaves an employer to the adapter that guards it. Its Pods carry the key and the finalizer that the other adapter uses too, so these stay:
 * that adapter removes the finalizer once its traffic is off. Only our name is removed, because it would be untrue.
 */
async function leaveAlone<E extends KubeObject>(
  deps: Deps<E>,
  { key, employer, logger }: { readonly key: Key; readonly employer: E; readonly logger: Logger },
): Promise<void> {
  const { adapter, strays, recheck, reports, writeEmployer } = deps;
  const { kind } = adapter.employers.resource;
  deps.onUnsettled(key, 0);
  recheck.after(key, { waiting: false, progress: false });
  for (const pod of strays.of(key)) strays.forget(key, pod);
  const mark = foreignMark(employer, adapter);
  deps.onLeftAlone(key, mark !== undefined);
  if (mark === undefined) return;
  const annotations = adapterMark(employer, 'released', adapter.name);
  const left = annotations ? await writeEmployer(employer, { annotations }) : employer;
  const message = `left alone: ${mark}. Only one adapter guards the Pods of a ${kind}; ${adapter.name} takes part once that mark is gone`;
  if (reports.warnOnce(key, left, { reason: GUARDED_BY_ANOTHER, message })) {
    logger.warn({ mark }, `${kind} left alone: another adapter guards it`);
  }
}

async function releaseStrays<E extends KubeObject>(
  { strays, podWriter }: Deps<E>,
  { key, marks }: EmployerPass<E>,
): Promise<void> {
  for (const pod of strays.of(key)) {
    await podWriter.release(marks, pod, (fresh) =>
      isOptedIn(fresh) ? undefined : planPod(standingOf(fresh, marks, { wanted: false, traffic: 'off' })),
    );
    strays.forget(key, pod);
  }
}

function requeue<E extends KubeObject>(
  { adapter, recheck }: Deps<E>,
  {
    key,
    plan,
    sync,
    wakeUps,
  }: {
    readonly key: Key;
    readonly plan: PassPlan;
    readonly sync: BackendSync | undefined;
    readonly wakeUps: readonly number[];
  },
): ReconcileResult {
  const results = sync ? [sync.results.employees, sync.results.employer] : [];
  const changed = results.flatMap(({ created, updated, deleted }) => [...created, ...updated, ...deleted]);
  const refused = results.flatMap(({ failed }) => failed);
  if (refused.length > 0 && !adapter.recheckMs) {
    throw new Error(`${refused.length} records were refused by the provider`);
  }
  const afterMs = recheck.after(key, {
    waiting: plan.unsettled > 0 || (sync?.unsettled ?? 0) > 0,
    progress: plan.writes.length + changed.length > 0,
  });
  const soonestMs = Math.min(...wakeUps, afterMs ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(soonestMs) ? { requeueAfterMs: soonestMs } : {};
}

function reportRefusal<E extends KubeObject>({ adapter, reports }: Deps<E>, key: Key, employer: E | undefined): void {
  const refusal = employer && isOptedIn(employer) ? adapter.refuses?.(employer) : undefined;
  if (employer && refusal) reports.warnOnce(key, employer, refusal);
  else if (!employer) reports.cleared(key);
}

/** Warns about a Pod on which another employer expects the same finalizer: the finalizer cannot show the traffic of both. */
function reportSharers<E extends KubeObject>(
  { reports }: Deps<E>,
  { key, employer, marks }: EmployerPass<E> & { readonly employer: E },
  writes: readonly PodWrite[],
): void {
  for (const { pod } of writes) {
    const [other] = sharersOf(marks.finalizer, marks.expectedKey, expectedOf(pod));
    if (!other) continue;
    const message = `finalizer ${marks.finalizer} on Pod ${pod.metadata.name} is also the finalizer of ${other}, because both employers have the same name`;
    reports.warnOnce(key, employer, { reason: 'FinalizerShared', message });
    return;
  }
}

/** The controller decides by the cause itself whether and when to try again. */
function isRetryDecision(error: unknown): error is Error {
  return error instanceof Error && (error.cause instanceof TerminalError || error.cause instanceof ThrottledError);
}
