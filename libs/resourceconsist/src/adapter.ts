import type { KubeObject, Pod, Resource, Service } from '@kuperator/api';
import { SERVICES } from '@kuperator/api';
import type { Logger } from '@kuperator/runtime';

/**
 * A traffic controller: keeps a backend in step with the Pods of an employer (a Service, by default) and tells the
 * PodOpsLifecycle, through a finalizer on each Pod, whether the Pod has traffic. What an adapter must say is where traffic
 * is seen or moved (`traffic`); labels, finalizers, annotations and their races are the framework's work.
 */
export type Adapter<E extends KubeObject = Service> = {
  /** Controller, Event source and log name, e.g. `endpointslice-adapter`. */
  readonly name: string;
  readonly employers: EmployerKind<E>;
  readonly traffic: Observer<E> | Backend<E>;

  /**
   * Whether the employer is this adapter's at all (default: every employer that nobody else has marked as his). Where several
   * adapters work on one kind, this splits its employers between them from the first moment on.
   */
  claims?(employer: E): boolean;
  /**
   * Whether marks of the Go framework on the employer are of an adapter that this one replaces, so that it goes on with them.
   * Default: they are another adapter's, and the employer is left alone.
   */
  takesOverFromGo?(employer: E): boolean;
  /** Why an employer that asks to take part cannot. It is treated as if it did not ask, and warned once with an Event. */
  refuses?(employer: E): Refusal | undefined;
  /**
   * Waits between passes while a Pod's traffic is not as wanted, the last one for all that follow; each pass that gets
   * something done begins anew. Left out, only events start a pass, and a refused item is retried with the queue's backoff.
   */
  readonly recheckMs?: readonly number[];
  /** Which of the employer's record annotations to keep, for tools that read them; default none. */
  readonly records?: { readonly expectedFinalizers?: boolean; readonly lifecycleFinalizers?: boolean };
  /** Called after each pass that got as far as the Pods. */
  recordStatuses?(employer: E, results: Results): Promise<void>;
  /** Called with the text of the error that ended a pass, and with undefined when one went well. */
  recordError?(employer: E, message: string | undefined): Promise<void>;
};

/** A kind of object that owns traffic and selects its Pods by labels. */
export type EmployerKind<E extends KubeObject> = {
  readonly resource: Resource<E>;
  /** Labels a Pod must all have. Undefined or empty selects nothing. */
  selectorOf(employer: E): Readonly<Record<string, string>> | undefined;
};

export const SERVICE_EMPLOYERS: EmployerKind<Service> = {
  resource: SERVICES,
  selectorOf: (service) => service.spec.selector,
};

export type Refusal = { readonly reason: string; readonly message: string };

/** Whether a Pod has traffic; `changing` when it is on its way or cannot be told, which leaves everything as it is. */
export type Traffic = 'on' | 'off' | 'changing';
export type TrafficOf = (pod: Pod) => Traffic;

/** What an adapter may use during one pass. */
export type AdapterPass = {
  readonly logger: Logger;
  /** Aborted when the process stops: give up waiting for a limiter or a slow provider. */
  readonly signal: AbortSignal;
  /** Asks for another pass at the latest in `ms`, e.g. when a drain period ends. */
  recheckAfter(ms: number): void;
};

/** For a backend that somebody else moves: the adapter only looks. It owns nothing, so it needs no clean finalizer. */
export type Observer<E extends KubeObject> = {
  /**
   * Looks at the backend once and answers for each Pod; not asked once the employer is gone or opted out.
   * `pods` are the selected ones and those still marked as having this employer's traffic.
   */
  observe(employer: E, pods: readonly Pod[], pass: AdapterPass): TrafficOf | Promise<TrafficOf>;
};

/**
 * For a backend the adapter itself moves. A clean finalizer holds the employer until everything of it is removed.
 * Expected lists are taken as empty once the employer is leaving.
 */
export type Backend<E extends KubeObject> = {
  /** The employer's own records there (a virtual IP, a server group); left out when it has none. */
  readonly employer?: Provider<E, ProviderRecord>;
  /** The Pods' records there (real servers). */
  readonly employees: Provider<E, EmployeeRecord>;
};

export type ProviderRecord = {
  /** Tells records apart; twice in one list is an error. */
  readonly id: string;
};
/** A Pod may have several records (ports, groups); its traffic is as wanted when all of them are. */
export type EmployeeRecord = ProviderRecord & {
  /** Name of the Pod the record is of; undefined for one that cannot be told. */
  readonly podName: string | undefined;
};

/**
 * Desired and actual records, and the calls that bring the one to the other. Each call gets all the items of a pass, so
 * the adapter makes the batches, waits for its limiter and drains as the provider needs. Throwing ends the pass.
 */
export type Provider<E extends KubeObject, T extends ProviderRecord> = {
  /** What should be there: from `pods`, the selected ones, traffic on where {@link isLifecycleReady} says so. */
  expected(employer: E, pods: readonly Pod[], pass: AdapterPass): readonly T[] | Promise<readonly T[]>;
  /** What is there. `pods` adds those no longer selected, to tell whose a record is. */
  current(employer: E, pods: readonly Pod[], pass: AdapterPass): readonly T[] | Promise<readonly T[]>;
  /** Default: deep equality. */
  equal?(expected: T, current: T): boolean;
  create(employer: E, items: readonly T[], pass: AdapterPass): Promise<Outcome<T> | undefined>;
  /** `items` are the expected ones. */
  update(employer: E, items: readonly T[], pass: AdapterPass): Promise<Outcome<T> | undefined>;
  /** `items` are the current ones. An item that still drains is left out of both lists of the outcome. */
  delete(employer: E, items: readonly T[], pass: AdapterPass): Promise<Outcome<T> | undefined>;
};

/** Undefined stands for "all succeeded". An item in neither list is still on its way. */
export type Outcome<T> = {
  readonly succeeded: readonly T[];
  /** Refused for now, and tried again. */
  readonly failed?: readonly T[];
};

/** What a pass did to the records of one provider. */
export type RecordResults = {
  readonly created: readonly ProviderRecord[];
  readonly updated: readonly ProviderRecord[];
  readonly deleted: readonly ProviderRecord[];
  readonly unchanged: readonly ProviderRecord[];
  readonly failed: readonly ProviderRecord[];
};
export type Results = { readonly employer: RecordResults; readonly employees: RecordResults };

export function isObserver<E extends KubeObject>(traffic: Observer<E> | Backend<E>): traffic is Observer<E> {
  return 'observe' in traffic;
}
