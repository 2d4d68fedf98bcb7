import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  CONTROL_LABEL,
  hasLabels,
  type Key,
  type KubeObject,
  keyOf,
  type LabelSelector,
  PODS,
  type Pod,
  PROTECTION_FINALIZER_PREFIX,
  type Resource,
  SERVICE_READY_GATE,
  splitKey,
} from '@kuperator/api';
import { type Informer, maySelect, SELECTING, selectingKeys } from '@kuperator/runtime';
import type { EmployerKind } from './adapter.ts';
import { expectedOf } from './expected.ts';
import { employerOfExpectedKey, lifecycleFinalizerFor } from './names.ts';
import { bearsOwnFinalizer, type EmployerMarks } from './pod-plan.ts';

const BY_LABEL = 'label';
const BY_EMPLOYER = 'employer';
const BY_FINALIZER = 'finalizer';

export type PodCache = Pick<Informer<Pod>, 'get' | 'list' | 'byIndex'>;
export type EmployerCache<E extends KubeObject> = Pick<Informer<E>, 'get' | 'keys' | 'byIndex'>;

/** The caches from which a pass reads. */
export type EmployeeCaches<E extends KubeObject> = {
  readonly employers: EmployerCache<E>;
  readonly pods: PodCache;
};

type InformerOptions<T extends KubeObject> = {
  resource: Resource<T>;
  labelSelector?: string;
  trim?: (object: T) => T;
  indexes: Record<string, (object: T) => readonly string[]>;
};

/**
 * Options of the Pod informer of the framework. It holds controlled Pods, trimmed to what the lifecycle and adapters use (`keep` adds to
 * that), and finds them by a label, by the employers they name and by their lifecycle finalizers.
 */
export function employeePodOptions<E extends KubeObject>(
  kind: EmployerKind<E>,
  keep?: (pod: Pod) => Partial<Pod['spec']>,
): InformerOptions<Pod> {
  return {
    resource: PODS,
    labelSelector: `${CONTROL_LABEL}=true`,
    trim: (pod) => trimPod(pod, keep?.(pod)),
    indexes: {
      [BY_LABEL]: (pod) => selectableLabelsOf(pod).map((label) => `${pod.metadata.namespace}/${label}`),
      [BY_EMPLOYER]: (pod) => namedEmployersOf(pod, kind.resource.kind),
      [BY_FINALIZER]: (pod) => lifecycleFinalizersOf(pod).map((finalizer) => `${pod.metadata.namespace}/${finalizer}`),
    },
  };
}

/** Options of the employer informer; unfiltered, so that an employer that opts out is still seen. */
export function employerOptions<E extends KubeObject>(
  kind: EmployerKind<E>,
  trim?: (employer: E) => E,
): InformerOptions<E> {
  return {
    resource: kind.resource,
    ...(trim ? { trim } : {}),
    indexes: {
      [SELECTING]: (employer) => selectingKeys(employer, labelSelectorOf(kind.selectorOf(employer))),
      [BY_FINALIZER]: ({ metadata }) => [`${metadata.namespace}/${lifecycleFinalizerFor(metadata.name ?? '')}`],
    },
  };
}

/** The Pods that an employer selects, and those that it no longer selects but that still have its marks. */
export type Employees = { readonly selected: readonly Pod[]; readonly marked: readonly Pod[] };

/** Reads only the cache, and little more than the Pods of the employer. */
export function employeesOf(
  pods: PodCache,
  {
    employer,
    selector,
    marks,
  }: {
    readonly employer: Key;
    readonly selector: Readonly<Record<string, string>> | undefined;
    readonly marks: EmployerMarks;
  },
): Employees {
  const { namespace = '' } = splitKey(employer);
  const selected = candidates(pods, namespace, selector).filter(({ metadata }) => hasLabels(selector, metadata.labels));
  const known = new Set(selected);
  const marked = new Set<Pod>();
  for (const pod of pods.byIndex(BY_EMPLOYER, employer)) if (!known.has(pod)) marked.add(pod);
  for (const pod of pods.byIndex(BY_FINALIZER, `${namespace}/${marks.finalizer}`)) {
    if (!known.has(pod) && bearsOwnFinalizer(pod, marks)) marked.add(pod);
  }
  return { selected, marked: [...marked] };
}

/** The employers that a Pod may concern: those that select it, and those whose key or finalizer it has, even if they no longer exist. */
export function employersOf<E extends KubeObject>(
  pod: Pod,
  kind: EmployerKind<E>,
  employers: EmployerCache<E>,
): Set<Key> {
  const keys = new Set(namedEmployersOf(pod, kind.resource.kind));
  for (const employer of maySelect(employers, pod)) {
    if (hasLabels(kind.selectorOf(employer), pod.metadata.labels)) keys.add(keyOf(employer));
  }
  for (const finalizer of lifecycleFinalizersOf(pod)) {
    for (const employer of employers.byIndex(BY_FINALIZER, `${pod.metadata.namespace}/${finalizer}`)) {
      keys.add(keyOf(employer));
    }
  }
  return keys;
}

/** An employer without labels in its selector selects nothing, unlike a label selector. */
function labelSelectorOf(labels: Readonly<Record<string, string>> | undefined): LabelSelector | undefined {
  return labels && Object.keys(labels).length > 0 ? { matchLabels: { ...labels } } : undefined;
}

/** Every key that may have work: existing employers, and employers that no longer exist but that Pods still name. */
export function allEmployerKeys<E extends KubeObject>(
  kind: EmployerKind<E>,
  employers: EmployerCache<E>,
  pods: PodCache,
): readonly Key[] {
  const named = pods.list().flatMap((pod) => namedEmployersOf(pod, kind.resource.kind));
  return [...new Set([...employers.keys(), ...named])];
}

/** The smallest index bucket for one of the selector's labels. */
function candidates(
  pods: PodCache,
  namespace: string,
  selector: Readonly<Record<string, string>> | undefined,
): readonly Pod[] {
  const entries = Object.entries(selector ?? {});
  if (entries.length === 0) return [];
  const indexed = entries.filter(([key]) => isSelectable(key));
  if (indexed.length === 0) return pods.list().filter((pod) => pod.metadata.namespace === namespace);
  return indexed
    .map(([key, value]) => pods.byIndex(BY_LABEL, `${namespace}/${key}=${value}`))
    .reduce((smallest, bucket) => (bucket.length < smallest.length ? bucket : smallest));
}

function selectableLabelsOf(pod: Pod): readonly string[] {
  return Object.entries(pod.metadata.labels ?? {})
    .filter(([key]) => isSelectable(key))
    .map(([key, value]) => `${key}=${value}`);
}

/** Lifecycle labels are not indexed, because their values are timestamps. For a Service that selects by one, all Pods are read. */
function isSelectable(label: string): boolean {
  return label !== CONTROL_LABEL && !label.includes('podopslifecycle.kusionstack.io/');
}

function namedEmployersOf(pod: Pod, kind: string): readonly Key[] {
  return Object.keys(expectedOf(pod)).flatMap((key) => {
    const employer = employerOfExpectedKey(kind, key);
    // A key may name any namespace; employers select only in their own.
    return employer?.startsWith(`${pod.metadata.namespace}/`) ? [employer] : [];
  });
}

export function lifecycleFinalizersOf(pod: Pod): readonly string[] {
  return (pod.metadata.finalizers ?? []).filter((finalizer) => finalizer.startsWith(PROTECTION_FINALIZER_PREFIX));
}

function trimPod(pod: Pod, keep: Partial<Pod['spec']> = {}): Pod {
  const { name, namespace, uid, resourceVersion, labels, annotations, finalizers, deletionTimestamp } = pod.metadata;
  const announced = annotations?.[AVAILABLE_CONDITIONS_ANNOTATION];
  const { phase, podIP, podIPs, conditions } = pod.status ?? {};
  const kept = (conditions ?? [])
    .filter(({ type }) => type === 'Ready' || type === SERVICE_READY_GATE)
    .map(({ type, status }) => ({ type, status }));
  return {
    metadata: defined({
      name,
      namespace,
      uid,
      resourceVersion,
      labels,
      finalizers,
      deletionTimestamp,
      // An empty object means that the Pod has only other annotations.
      annotations: annotations && (announced === undefined ? {} : { [AVAILABLE_CONDITIONS_ANNOTATION]: announced }),
    }),
    spec: { containers: [], ...defined({ readinessGates: pod.spec.readinessGates }), ...keep },
    status: { conditions: kept, ...defined({ phase, podIP, podIPs }) },
  };
}

/** Removes fields that are undefined, which would otherwise count as present. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
