import type { Key, KubeObject, Pod } from '@kuperator/api';
import { messageOf } from '@kuperator/runtime';
import { type Adapter, type AdapterPass, backendOf, movesTraffic, type Observer, observerOf } from './adapter.ts';
import type { Employees } from './employee-pods.ts';
import { type EmployerStanding, ownsBackend } from './employer.ts';
import type { EmployerReports } from './employer-reports.ts';
import type { HeldTraffic } from './held-traffic.ts';
import { type TrafficAnswer, UNKNOWN_TRAFFIC } from './pass-plan.ts';
import { type BackendSync, syncBackend } from './provider-sync.ts';
import { StepError } from './step-error.ts';
import { type TrafficHold, trafficHoldOf } from './traffic-hold.ts';

/** `sync` is the result of the provider calls, if the adapter moves traffic itself. */
export type SyncedTraffic = TrafficAnswer & { readonly sync?: BackendSync };

export type TrafficDeps<E extends KubeObject> = {
  readonly adapter: Adapter<E>;
  readonly heldTraffic: HeldTraffic;
  /** The hold of employers that set none themselves. Only observers have one. */
  readonly hold: TrafficHold;
  readonly reports: Pick<EmployerReports<E>, 'holdProblem'>;
};

export type TrafficQuestion<E extends KubeObject> = {
  readonly key: Key;
  /** Undefined if it no longer exists. */
  readonly employer: E | undefined;
  readonly standing: EmployerStanding;
  readonly employees: Employees;
  readonly pass: AdapterPass;
};

/**
 * Asks the adapter for the traffic of the employer's Pods. If the answer is available at once, it is returned without a promise, so that all
 * changes of a Pod fit into one write.
 * @throws StepError with the reason of the Event to record
 */
export function askTraffic<E extends KubeObject>(
  deps: TrafficDeps<E>,
  question: TrafficQuestion<E>,
): SyncedTraffic | Promise<SyncedTraffic> {
  const { adapter, heldTraffic } = deps;
  const { key, employer, standing, employees, pass } = question;
  // An employer that opted out may keep its traffic; the lifecycle no longer waits for it.
  const off: TrafficAnswer = { trafficOf: () => 'off' };
  if (!employer || standing === 'out') heldTraffic.forget(key);
  if (!employer) return off;
  const backend = backendOf(adapter);
  if (backend && ownsBackend(employer, standing, adapter)) {
    const isObserved = !movesTraffic(adapter, employer);
    const synced = syncBackend(backend, { employer, employees, leaving: standing !== 'active' || isObserved, pass });
    // Of an observed employer only old records are removed, which says nothing about its traffic.
    const trafficOf = (sync: BackendSync) =>
      isObserved && standing !== 'out' ? UNKNOWN_TRAFFIC.trafficOf : sync.trafficOf;
    return synced.then((sync) => ({ trafficOf: trafficOf(sync), sync }));
  }
  const observer = observerOf(adapter);
  if (!observer || standing === 'out') return off;
  return askObserver(observer, deps, { ...question, employer });
}

function askObserver<E extends KubeObject>(
  observer: Observer<E>,
  deps: TrafficDeps<E>,
  { key, employer, employees, pass }: TrafficQuestion<E> & { readonly employer: E },
): TrafficAnswer | Promise<TrafficAnswer> {
  const { hold, problem } = trafficHoldOf(employer, deps.hold);
  deps.reports.holdProblem(key, employer, problem);
  const pods = [...employees.selected, ...employees.marked];
  const held = ({ trafficOf }: TrafficAnswer) => deps.heldTraffic.judge(key, { pods, trafficOf, hold });
  const answer = observe(observer, { employer, pods, pass });
  return answer instanceof Promise ? answer.then(held) : held(answer);
}

function observe<E extends KubeObject>(
  observer: Observer<E>,
  { employer, pods, pass }: { readonly employer: E; readonly pods: readonly Pod[]; readonly pass: AdapterPass },
): TrafficAnswer | Promise<TrafficAnswer> {
  const failed = (cause: unknown): never => {
    const attempted = 'get current employees failed';
    throw new StepError({ reason: 'GetCurrentEmployeesFailed', attempted, detail: messageOf(cause), cause });
  };
  try {
    const answer = observer.observe(employer, pods, pass);
    return answer instanceof Promise ? answer.then((trafficOf) => ({ trafficOf }), failed) : { trafficOf: answer };
  } catch (cause) {
    return Promise.reject(cause).catch(failed);
  }
}
