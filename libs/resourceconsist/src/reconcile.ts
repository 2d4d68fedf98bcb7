import { type Key, type KubeObject, type Pod, splitKey } from '@kuperator/api';
import type { Logger, Reconcile, Sight } from '@kuperator/runtime';
import { messageOf, TerminalError, ThrottledError } from '@kuperator/runtime';
import { type Adapter, isObserver, type Observer, type Pass, type TrafficOf } from './adapter.ts';
import { withCleanFinalizer, withoutCleanFinalizer } from './clean-finalizer.ts';
import { type EmployeeCaches, type Employees, employeesOf } from './employee-pods.ts';
import { type EmployerStanding, isOptedIn, ownsBackend, standingOfEmployer } from './employer.ts';
import type { EmployerReports } from './employer-reports.ts';
import type { EmployerWriter } from './employer-writer.ts';
import { expectedOf } from './expected.ts';
import type { HeldTraffic } from './held-traffic.ts';
import { expectedKeyFor, lifecycleFinalizerFor, sharersOf } from './names.ts';
import { adapterMark, foreignMark } from './ownership.ts';
import { type EmployerMarks, isUnsettled, planPod, standingOf } from './pod-plan.ts';
import type { PodWrite, PodWriter } from './pod-writer.ts';
import { type BackendSync, syncBackend } from './provider-sync.ts';
import type { Recheck } from './recheck.ts';
import { recordChanges } from './records.ts';
import { inStep, StepError } from './step-error.ts';
import type { StrayPods } from './stray-pods.ts';
import { type TrafficHold, trafficHoldOf } from './traffic-hold.ts';

export type ReconcileDeps<E extends KubeObject> = EmployeeCaches<E> & {
  readonly adapter: Adapter<E>;
  readonly podWriter: PodWriter;
  readonly writeEmployer: EmployerWriter<E>;
  readonly reports: EmployerReports<E>;
  readonly strays: StrayPods;
  readonly recheck: Recheck;
  readonly heldTraffic: HeldTraffic;
  /** Of employers that do not say otherwise; only observers have one. */
  readonly hold: TrafficHold;
  /** Of what an observer answers from: finalizers move only while it is known to be current. */
  readonly sight: Sight | undefined;
  /** Queues another pass in `ms`, whatever becomes of the present one. */
  readonly wakeAfter: (employer: Key, ms: number) => void;
  /** Told after each pass how many of the employer's Pods wait for their traffic. */
  readonly onUnsettled: (employer: Key, pods: number) => void;
  /** Told in each pass whether the employer is left to the adapter that has marked it. */
  readonly onLeftAlone: (employer: Key, isLeft: boolean) => void;
};

/** Event on an employer that another adapter guards. */
const GUARDED_BY_ANOTHER = 'GuardedByAnother';

/** Event on an employer whose traffic cannot be told, since caches may be old. */
const CACHE_NOT_CURRENT = 'CacheNotCurrent';
/** How soon to look again whether the caches are current. */
const BLIND_MS = 1000;
const UNKNOWN: TrafficAnswer = { trafficOf: () => 'changing' };

/** One pass for one employer: everything it needs is in the caches and at the provider. */
export function resourceConsistReconciler<E extends KubeObject>(deps: ReconcileDeps<E>): Reconcile {
  const { adapter, employers, pods, podWriter, writeEmployer, reports, strays, recheck, heldTraffic } = deps;
  const kind = adapter.employers;
  /** uids of employers this process has guarded. */
  const guarded = new Map<Key, string | undefined>();

  return async function reconcile(key, { logger, signal }) {
    const employer = employers.get(key);
    const wasOurs = employer !== undefined && guarded.get(key) === employer.metadata.uid;
    const standing = employer ? standingOfEmployer(employer, adapter, { wasOurs }) : 'out';
    if (standing === 'active') guarded.set(key, employer?.metadata.uid);
    else if (!wasOurs || standing === 'foreign') guarded.delete(key);
    if (employer && standing === 'foreign') return leaveAlone(key, employer, logger);
    deps.onLeftAlone(key, false);
    reports.settled(key, GUARDED_BY_ANOTHER);
    tellRefusal(key, employer);
    try {
      return await passFor(key, employer, standing, logger, signal);
    } catch (error) {
      if (employer) await reports.failed(employer, error, logger);
      throw tellsWhenToRetry(error) ? error.cause : error;
    }
  };

  /**
   * Its Pods bear the key and the finalizer that the other adapter uses too, so these stay as they are: the one that guards the employer
   * takes the finalizer off when its traffic is off. Only our name goes, for it would be untrue.
   */
  async function leaveAlone(key: Key, employer: E, logger: Logger): Promise<void> {
    deps.onUnsettled(key, 0);
    recheck.after(key, { waiting: false, progress: false });
    for (const pod of strays.of(key)) strays.settled(key, pod);
    const mark = foreignMark(employer, adapter);
    deps.onLeftAlone(key, mark !== undefined);
    if (mark === undefined) return;
    const annotations = adapterMark(employer, 'released', adapter.name);
    const left = annotations ? await writeEmployer(employer, { annotations }) : employer;
    const message = `left alone: ${mark}. One adapter guards the Pods of a ${kind.resource.kind}; ${adapter.name} takes part once that mark is gone`;
    if (reports.warnOnce(key, left, { reason: GUARDED_BY_ANOTHER, message })) {
      logger.warn({ mark }, `${kind.resource.kind} left alone: another adapter guards it`);
    }
  }

  async function passFor(
    key: Key,
    seen: E | undefined,
    standing: EmployerStanding,
    logger: Logger,
    signal: AbortSignal,
  ): Promise<{ requeueAfterMs?: number }> {
    const marks = marksFor(key);
    const wakeUps: number[] = [];
    const pass: Pass = { logger, signal, recheckAfter: (ms) => wakeUps.push(ms) };
    await releaseStrays(key, marks);

    const employer = seen && (await hold(seen, standing));
    const selector = employer && standing === 'active' ? kind.selectorOf(employer) : undefined;
    const readEmployees = () => employeesOf(pods, splitKey(key).namespace ?? '', selector, key, marks);

    const failures: unknown[] = [];
    let employees = readEmployees();
    const asked = trafficFor(key, employer, standing, employees, pass);
    const slow = asked instanceof Promise;
    if (slow) {
      // A provider can be slow or down; what a Pod must wait for has to be on it before it becomes available.
      asked.catch(() => {});
      const announced = planWrites(employees, marks, UNKNOWN);
      failures.push(...(await podWriter.write(marks, announced.writes)));
    }
    const answer = await asked;
    const { sync } = answer;
    // Our own writes and the time the provider took have made the Pods of before old.
    if (slow) employees = readEmployees();
    const wanted = planWrites(employees, marks, answer);
    const plan = (await sees(key, employer, wanted)) ? wanted : planWrites(employees, marks, UNKNOWN);
    // Not left to the end of the pass: it may fail for another Pod, and back off for longer.
    if (plan.heldForMs !== undefined) deps.wakeAfter(key, plan.heldForMs);
    failures.push(...(await podWriter.write(marks, plan.writes)));
    deps.onUnsettled(key, plan.unsettled);

    if (employer) {
      tellSharers(key, employer, marks, plan.writes);
      const finished = await finish(key, employer, standing, readEmployees, marks, sync);
      if (failures.length === 0 && !finished) await reports.succeeded(employer, sync?.results, logger);
    }
    if (failures.length > 0) throw new AggregateError(failures, `writing Pods of ${kind.resource.kind} ${key}`);
    return requeue(key, plan, sync, wakeUps);
  }

  /** Whether finalizers may move by what the caches show. If they have just been compared, the next pass decides by what came to light. */
  async function sees(key: Key, employer: E | undefined, { writes }: PlannedWrites): Promise<boolean> {
    const { sight } = deps;
    const namespace = splitKey(key).namespace ?? '';
    const moves = writes.some(({ change }) => change.finalizer !== undefined);
    if (!sight || !moves || sight.isClear(namespace)) {
      reports.settled(key, CACHE_NOT_CURRENT);
      return true;
    }
    const blindTo = await sight.blindTo(namespace);
    deps.wakeAfter(key, blindTo.length > 0 ? BLIND_MS : 0);
    if (employer && blindTo.length > 0) {
      const message = `${adapter.name} cannot tell whether its cache of ${blindTo.join(', ')} is current: Pods wait until it can`;
      reports.warnOnce(key, employer, { reason: CACHE_NOT_CURRENT, message });
    }
    return false;
  }

  function marksFor(key: Key): EmployerMarks {
    return {
      expectedKey: expectedKeyFor(kind.resource.kind, key),
      finalizer: lifecycleFinalizerFor(splitKey(key).name),
    };
  }

  /**
   * Nothing may be made at a provider before the finalizer is stored that makes sure it is removed again. And the
   * coordinator must know of the adapter before it sees the next Pod, or that one could be changed before we guard it.
   */
  async function hold(employer: E, standing: EmployerStanding): Promise<E> {
    const finalizers = isObserver(adapter.traffic) || standing !== 'active' ? undefined : withCleanFinalizer(employer);
    const annotations = standing === 'active' ? adapterMark(employer, 'guarded', adapter.name) : undefined;
    if (!finalizers && !annotations) return employer;
    const held = await inStep('EnsureEmployerCleanFinalizerFailed', 'ensure employer clean finalizer failed', () =>
      writeEmployer(employer, { finalizers, annotations }),
    );
    if (finalizers)
      reports.done(held, 'EnsureEmployerCleanFinalizerSucceed', 'ensure employer clean finalizer succeed');
    return held;
  }

  /** Answered at once where nothing has to be waited for: then all of a Pod's changes go in one write. */
  function trafficFor(
    key: Key,
    employer: E | undefined,
    standing: EmployerStanding,
    employees: Employees,
    pass: Pass,
  ): TrafficAnswer | Promise<TrafficAnswer> {
    const { traffic } = adapter;
    // Who has opted out may keep its traffic; it is only no longer what the lifecycle waits for.
    const off: TrafficAnswer = { trafficOf: () => 'off' };
    if (!employer || standing === 'out') heldTraffic.forget(key);
    if (!employer) return off;
    if (!isObserver(traffic)) {
      if (!ownsBackend(employer, standing, adapter)) return off;
      const leaving = standing !== 'active';
      return syncBackend(traffic, employer, employees, leaving, pass).then((sync) => ({ ...sync, sync }));
    }
    if (standing === 'out') return off;
    const { hold, problem } = trafficHoldOf(employer, deps.hold);
    reports.holdProblem(key, employer, problem);
    const pods = [...employees.selected, ...employees.marked];
    const held = ({ trafficOf }: TrafficAnswer) => heldTraffic.judge(key, pods, trafficOf, hold);
    const answer = observe(traffic, employer, pods, pass);
    return answer instanceof Promise ? answer.then(held) : held(answer);
  }

  /** The employer's own last write: its records, and what holds and names it once nothing is left. @returns whether the finalizer went */
  async function finish(
    key: Key,
    employer: E,
    standing: EmployerStanding,
    readEmployees: () => Employees,
    marks: EmployerMarks,
    sync: BackendSync | undefined,
  ): Promise<boolean> {
    const name = standing === 'out' ? adapterMark(employer, 'released', adapter.name) : undefined;
    if (!adapter.records && !sync?.clean && !name) return false;
    const employees = readEmployees();
    const records = recordChanges(employer, employees, marks, adapter.records);
    const isClean = sync ? sync.clean : isObserver(adapter.traffic) || withoutCleanFinalizer(employer) === undefined;
    const released = standing !== 'active' && isClean && employees.marked.length === 0;
    const finalizers = released ? withoutCleanFinalizer(employer) : undefined;
    const annotations = released && name ? { ...records, ...name } : records;
    if (released) guarded.delete(key);
    if (!annotations && !finalizers) return false;
    const written = await inStep('CleanEmployerCleanFinalizerFailed', 'clean employer clean finalizer failed', () =>
      writeEmployer(employer, { annotations, finalizers }),
    );
    if (!finalizers) return false;
    reports.done(written, 'CleanEmployerCleanFinalizerSucceed', 'clean employer clean finalizer succeed');
    return true;
  }

  async function releaseStrays(key: Key, marks: EmployerMarks): Promise<void> {
    for (const pod of strays.of(key)) {
      await podWriter.release(marks, pod, (fresh) =>
        isOptedIn(fresh) ? undefined : planPod(standingOf(fresh, marks, { wanted: false, traffic: 'off' })),
      );
      strays.settled(key, pod);
    }
  }

  function requeue(key: Key, plan: PlannedWrites, sync: BackendSync | undefined, wakeUps: readonly number[]) {
    const { created = [], updated = [], deleted = [], failed = [] } = sync?.results.employees ?? {};
    const own = sync?.results.employer;
    const ownDone = own ? own.created.length + own.updated.length + own.deleted.length : 0;
    const refused = failed.length + (own?.failed.length ?? 0);
    if (refused > 0 && !adapter.recheckMs) throw new Error(`${refused} records were refused by the provider`);
    const afterMs = recheck.after(key, {
      waiting: plan.unsettled > 0 || (sync?.unsettled ?? 0) > 0,
      progress: plan.writes.length + created.length + updated.length + deleted.length + ownDone > 0,
    });
    const soonestMs = Math.min(...wakeUps, afterMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(soonestMs) ? { requeueAfterMs: soonestMs } : {};
  }

  function tellRefusal(key: Key, employer: E | undefined): void {
    const refusal = employer && isOptedIn(employer) ? adapter.refuses?.(employer) : undefined;
    if (employer && refusal) reports.warnOnce(key, employer, refusal);
    else if (!employer) reports.settled(key);
  }

  function tellSharers(key: Key, employer: E, marks: EmployerMarks, writes: readonly PodWrite[]): void {
    for (const { pod } of writes) {
      const [other] = sharersOf(marks.finalizer, marks.expectedKey, expectedOf(pod));
      if (!other) continue;
      const message = `finalizer ${marks.finalizer} on Pod ${pod.metadata.name} is also that of ${other}: one name, two employers`;
      reports.warnOnce(key, employer, { reason: 'FinalizerShared', message });
      return;
    }
  }
}

/** The controller decides by the error itself whether and when to try again. */
function tellsWhenToRetry(error: unknown): error is Error {
  return error instanceof Error && (error.cause instanceof TerminalError || error.cause instanceof ThrottledError);
}

type TrafficAnswer = {
  readonly trafficOf: TrafficOf;
  /** How long the traffic of a Pod is still withheld. */
  readonly remainingMs?: (pod: Pod) => number | undefined;
  readonly sync?: BackendSync;
};

function observe<E extends KubeObject>(
  observer: Observer<E>,
  employer: E,
  pods: readonly Pod[],
  pass: Pass,
): TrafficAnswer | Promise<TrafficAnswer> {
  const failed = (cause: unknown): never => {
    throw new StepError('GetCurrentEmployeesFailed', 'get current employees failed', messageOf(cause), cause);
  };
  try {
    const answer = observer.observe(employer, pods, pass);
    return answer instanceof Promise ? answer.then((trafficOf) => ({ trafficOf }), failed) : { trafficOf: answer };
  } catch (cause) {
    return Promise.reject(cause).catch(failed);
  }
}

type PlannedWrites = {
  readonly writes: readonly PodWrite[];
  readonly unsettled: number;
  /** When the first Pod that waits only for the end of its hold can go on. */
  readonly heldForMs?: number;
};

/** Next step of every Pod, and how many still wait for traffic once these are written. */
function planWrites(
  employees: Employees,
  marks: EmployerMarks,
  { trafficOf, remainingMs = () => undefined }: TrafficAnswer,
): PlannedWrites {
  const writes: PodWrite[] = [];
  let unsettled = 0;
  let heldForMs = Number.POSITIVE_INFINITY;
  const plan = (pod: Pod, wanted: boolean) => {
    const standing = standingOf(pod, marks, { wanted, traffic: trafficOf(pod) });
    const change = planPod(standing);
    if (change) writes.push({ pod, change });
    if (!isUnsettled({ ...standing, hasFinalizer: change?.finalizer ?? standing.hasFinalizer })) return;
    unsettled++;
    heldForMs = Math.min(heldForMs, remainingMs(pod) ?? heldForMs);
  };
  for (const pod of employees.selected) plan(pod, true);
  for (const pod of employees.marked) plan(pod, false);
  return { writes, unsettled, ...(Number.isFinite(heldForMs) ? { heldForMs } : {}) };
}
