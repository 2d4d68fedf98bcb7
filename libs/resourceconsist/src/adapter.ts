import type { KubeObject, Pod, Resource, Service } from '@kuperator/api';
import { SERVICES } from '@kuperator/api';
import type { Logger } from '@kuperator/runtime';

/**
 * A traffic controller. It makes a backend match the Pods of an employer (a Service by default), and shows by a finalizer on each Pod whether
 * the Pod has traffic, for the PodOpsLifecycle. An adapter only observes or moves the traffic (`traffic`); the framework writes labels,
 * finalizers and annotations and handles their races.
 */
export type Adapter<E extends KubeObject = Service> = {
  /** Controller, Event source and log name, e.g. `endpointslice-adapter`. */
  readonly name: string;
  readonly employers: EmployerKind<E>;
  readonly traffic: Observer<E> | Backend<E> | TrafficByEmployer<E>;

  /**
   * Whether this adapter is responsible for the employer (default: for every employer that no other adapter has marked). If several
   * adapters work on one kind, this splits the employers between them from the start.
   */
  claims?(employer: E): boolean;
  /**
   * Whether marks of the Go framework on the employer come from an adapter that this one replaces, so that this one continues with them.
   * Default: they belong to another adapter, and the employer is left alone.
   */
  takesOverFromGo?(employer: E): boolean;
  /**
   * Whether the adapter takes the employer over from another one on this framework, by that one's name. Default: never. For an adapter that
   * looks at the traffic of the other as well, and more.
   */
  takesOverFrom?(adapter: string, employer: E): boolean;
  /** Why an employer that asks to take part cannot. It is treated as if it did not ask, and warned once with an Event. */
  refuses?(employer: E): Refusal | undefined;
  /**
   * Milliseconds between passes while a Pod's traffic is not as wanted; the last value repeats. A pass that changes something starts
   * again with the first value. Without it, only events start a pass, and a refused item is retried with the queue's backoff.
   */
  readonly recheckMs?: readonly number[];
  /** Which of the employer's record annotations to keep, for tools that read them; default none. */
  readonly records?: { readonly expectedFinalizers?: boolean; readonly lifecycleFinalizers?: boolean };
  /** Called after each pass that has written the Pods. */
  recordStatuses?(employer: E, results: Results): Promise<void>;
  /** Called with the text of the error that ended a pass, and with undefined after a pass without errors. */
  recordError?(employer: E, message: string | undefined): Promise<void>;
};

/** A kind of object that owns traffic and selects its Pods by labels. */
export type EmployerKind<E extends KubeObject> = {
  readonly resource: Resource<E>;
  /** The labels that a Pod must have. Undefined or an empty object selects no Pod. */
  selectorOf(employer: E): Readonly<Record<string, string>> | undefined;
};

/** The usual kind: Services, which select Pods by `spec.selector`. */
export const SERVICE_EMPLOYERS: EmployerKind<Service> = {
  resource: SERVICES,
  selectorOf: (service) => service.spec.selector,
};

/** Reason (one CamelCase word) and message of the Warning Event on a refused employer. */
export type Refusal = { readonly reason: string; readonly message: string };

/** Whether a Pod has traffic. `changing` if its traffic is about to change or is unknown: everything then stays as it is. */
export type Traffic = 'on' | 'off' | 'changing';
/** Answers whether a Pod has traffic from the employer. */
export type TrafficOf = (pod: Pod) => Traffic;

/** What an adapter can use during one pass. */
export type AdapterPass = {
  readonly logger: Logger;
  /** Aborted when the process stops: give up waiting for a limiter or a slow provider. */
  readonly signal: AbortSignal;
  /** Asks for another pass at the latest in `ms`, e.g. when a drain period ends. */
  recheckAfter(ms: number): void;
  /** Records a Warning Event on the employer, once for as long as each pass warns with this reason. `reason` is one CamelCase word. */
  warn(reason: string, message: string): void;
};

/** For a backend that another controller changes: the adapter only observes it. It owns nothing, so it needs no clean finalizer. */
export type Observer<E extends KubeObject> = {
  /**
   * Reads the backend once and answers for each Pod. Not called once the employer is gone or has opted out.
   * `pods` are the selected ones and those still marked as having this employer's traffic.
   */
  observe(employer: E, pods: readonly Pod[], pass: AdapterPass): TrafficOf | Promise<TrafficOf>;
};

/**
 * For a backend that the adapter itself changes. A clean finalizer holds the employer until all its records are removed.
 * While the employer is leaving, the expected lists are empty.
 */
export type Backend<E extends KubeObject> = {
  /** The employer's own records there (a virtual IP, a server group); left out when it has none. */
  readonly employer?: Provider<E, ProviderRecord>;
  /** The Pods' records there (real servers). */
  readonly employees: Provider<E, EmployeeRecord>;
};

/**
 * For an adapter that moves the traffic of some employers and observes that of the others. If an employer changes from one to the other, its
 * records are removed from the backend first; until then the traffic of its Pods is unknown.
 */
export type TrafficByEmployer<E extends KubeObject> = {
  readonly observer: Observer<E>;
  readonly backend: Backend<E>;
  movesTrafficOf(employer: E): boolean;
};

/** Something at the provider: a virtual IP, a real server, a member. Adapters add their own fields. */
export type ProviderRecord = {
  /** Identifies the record. The same id twice in one list is an error. */
  readonly id: string;
};
/** A Pod may have several records (ports, groups). Its traffic is as expected when all of them are. */
export type EmployeeRecord = ProviderRecord & {
  /** Name of the Pod that the record belongs to; undefined if that is unknown. */
  readonly podName: string | undefined;
};

/**
 * Desired and actual records, and the calls that turn the actual ones into the desired ones. Each call gets all items of a pass, so the
 * adapter decides about batches, rate limits and draining. If a call throws, the pass ends.
 */
export type Provider<E extends KubeObject, T extends ProviderRecord> = {
  /** The records that should exist for `pods`, the selected ones, with traffic on for those that are {@link isLifecycleReady}. */
  expected(employer: E, pods: readonly Pod[], pass: AdapterPass): readonly T[] | Promise<readonly T[]>;
  /** The records that exist. `pods` also has Pods that are no longer selected, so that a record can be assigned to its Pod. */
  current(employer: E, pods: readonly Pod[], pass: AdapterPass): readonly T[] | Promise<readonly T[]>;
  /** Default: deep equality. */
  equal?(expected: T, current: T): boolean;
  create(employer: E, items: readonly T[], pass: AdapterPass): Promise<Outcome<T> | undefined>;
  /** `items` are the expected ones. */
  update(employer: E, items: readonly T[], pass: AdapterPass): Promise<Outcome<T> | undefined>;
  /** `items` are the current ones. An item that still drains is left out of both lists of the outcome. */
  delete(employer: E, items: readonly T[], pass: AdapterPass): Promise<Outcome<T> | undefined>;
};

/** Undefined means that all items succeeded. An item in neither list is still in progress. */
export type Outcome<T> = {
  readonly succeeded: readonly T[];
  /** Refused for now; the next pass tries again. */
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
/** What a pass did to all records of one employer. */
export type Results = { readonly employer: RecordResults; readonly employees: RecordResults };

/** The backend that the adapter moves traffic at, for some employers at least. */
export function backendOf<E extends KubeObject>({ traffic }: Adapter<E>): Backend<E> | undefined {
  return 'observe' in traffic ? undefined : 'backend' in traffic ? traffic.backend : traffic;
}

export function observerOf<E extends KubeObject>({ traffic }: Adapter<E>): Observer<E> | undefined {
  return 'observe' in traffic ? traffic : 'observer' in traffic ? traffic.observer : undefined;
}

/** Whether the adapter moves the traffic of this employer. */
export function movesTraffic<E extends KubeObject>({ traffic }: Adapter<E>, employer: E): boolean {
  return 'backend' in traffic ? traffic.movesTrafficOf(employer) : 'employees' in traffic;
}
