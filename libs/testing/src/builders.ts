import {
  CONTROL_LABEL,
  type CollaSet,
  type Condition,
  type KubeObject,
  own,
  type Pod,
  type PodTransitionRule,
  type ResourceContext,
  type Service,
  setOwn,
} from '@kuperator/api';

/** The fields of an object that matter to a test. They are merged into the defaults. */
export type Given<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: Given<T[K]> | undefined }
    : T;

let count = 0;

/** A running, ready, controlled Pod on a node, named `pod-<n>`, in namespace `default`. */
export function aPod(given: Given<Pod> & { ready?: boolean } = {}): Pod {
  const { ready = true, ...rest } = given;
  const name = given.metadata?.name ?? `pod-${++count}`;
  const image = given.spec?.containers?.[0]?.image ?? 'app:v1';
  return merge<Pod>(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', labels: { [CONTROL_LABEL]: 'true' }, ...identity(name) },
      spec: { nodeName: 'node-1', containers: [{ name: 'app', image }] },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        conditions: [aCondition('Ready', ready), aCondition('ContainersReady', ready)],
        containerStatuses: [{ name: 'app', image, imageID: `sha256:${image}`, ready, restartCount: 0 }],
      },
    },
    rest,
  );
}

/** A CollaSet `set-<n>` in namespace `default`: one replica, selector and template label `app: <name>`. */
export function aCollaSet(given: Given<CollaSet> = {}): CollaSet {
  const name = given.metadata?.name ?? `set-${++count}`;
  return merge<CollaSet>(
    {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'CollaSet',
      metadata: { namespace: 'default', generation: 1, ...identity(name) },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'app:v1' }] } },
      },
    } as CollaSet,
    given,
  );
}

/** A PodTransitionRule `rule-<n>` in namespace `default` that selects nothing and has no rules. */
export function aPodTransitionRule(given: Given<PodTransitionRule> = {}): PodTransitionRule {
  const name = given.metadata?.name ?? `rule-${++count}`;
  return merge<PodTransitionRule>(
    {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'PodTransitionRule',
      metadata: { namespace: 'default', generation: 1, ...identity(name) },
      spec: { rules: [] },
    } as unknown as PodTransitionRule,
    given,
  );
}

/** A ResourceContext `context-<n>` in namespace `default` without entries. */
export function aResourceContext(given: Given<ResourceContext> = {}): ResourceContext {
  const name = given.metadata?.name ?? `context-${++count}`;
  return merge<ResourceContext>(
    {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'ResourceContext',
      metadata: { namespace: 'default', ...identity(name) },
      spec: { contexts: [] },
    } as ResourceContext,
    given,
  );
}

/** A Service `service-<n>` in namespace `default` that selects `app: <name>`. */
export function aService(given: Given<Service> = {}): Service {
  const name = given.metadata?.name ?? `service-${++count}`;
  return merge<Service>(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', ...identity(name) },
      spec: { selector: { app: name } },
    },
    given,
  );
}

/** A condition that changed on 2026-01-01. */
export function aCondition(
  type: string,
  status: boolean | Condition['status'],
  given: Partial<Condition> = {},
): Condition {
  const text = typeof status === 'string' ? status : status ? 'True' : 'False';
  return { type, status: text, lastTransitionTime: '2026-01-01T00:00:00Z', ...given };
}

function identity(name: string): KubeObject['metadata'] {
  return { name, uid: `${name}-uid`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
}

function merge<T>(base: T, given: Given<T>): T {
  const result: Record<string, unknown> = { ...(base as object) };
  for (const [field, value] of Object.entries(given as object)) {
    const present = own(result, field);
    if (value === undefined) delete result[field];
    else setOwn(result, field, isPlain(present) && isPlain(value) ? merge(present, value) : value);
  }
  return result as T;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
