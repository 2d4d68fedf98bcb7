/** Names of our operators, as in their charts and in the Leases of their replicas. */
export const COORDINATOR = 'podopslifecycle-coordinator';
export const ENGINE = 'podtransitionrule-engine';
export const COLLASET_CONTROLLER = 'collaset-controller';
export const ENDPOINTSLICE_ADAPTER = 'endpointslice-adapter';
export const ALIYUN_SLB_ADAPTER = 'aliyun-slb-adapter';

/**
 * What a Pod, or a set of Pods, waits for. `isRunning` is false only if the operator is known to have no live Lease. Every text in a
 * holder has a limited length.
 */
export type Holder =
  /** `rule` is the PodTransitionRule object, `name` the rule within it. */
  | { readonly kind: 'rule'; readonly rule: string; readonly name: string; readonly reason: string }
  /** No verdict from the engine on these PodTransitionRule objects. */
  | { readonly kind: 'engine'; readonly rules: readonly string[]; readonly reason: string; readonly isRunning: boolean }
  | { readonly kind: 'coordinator'; readonly step: CoordinatorStep; readonly isRunning: boolean }
  /** The coordinator would let the operation go on, but cannot tell whether its caches of these kinds (in the plural) are current. */
  | { readonly kind: 'blind'; readonly resources: readonly string[] }
  /** A finalizer that must be removed (`off`) or added (`on`), or an adapter that must first announce itself on the Pod (`announce`). */
  | {
      readonly kind: 'adapter';
      readonly step: 'off' | 'on' | 'announce' | 'arriving';
      /** As `<Kind>/<namespace>/<name>`; empty if no employer announced the finalizer. */
      readonly employers: readonly string[];
      readonly finalizer: string;
      /** The operator's name; undefined if the owner of the finalizer is unknown. */
      readonly app: string | undefined;
      readonly isRunning: boolean;
      /** What keeps the adapter from its work, as it has said on the employer. */
      readonly problem?: string;
    }
  /** The controller of an operation: its change, or its operation-type label (`isTyped` false), is awaited. */
  | {
      readonly kind: 'operation';
      readonly id: string;
      readonly isTyped: boolean;
      readonly app: string | undefined;
      readonly isRunning: boolean;
    }
  /** The operation is finished; these other operations on the Pod are not. */
  | { readonly kind: 'other-operations'; readonly ids: readonly string[] }
  /** The Pod is drained for an eviction: its client may evict it, but has not asked again. */
  | { readonly kind: 'eviction' }
  /** The operationDelaySeconds of a permitted operation have not passed yet. */
  | { readonly kind: 'delay'; readonly seconds: number; readonly untilMs: number }
  | { readonly kind: 'min-ready'; readonly untilMs: number }
  /** The scheduler found no node. */
  | { readonly kind: 'unscheduled'; readonly message: string }
  | {
      readonly kind: 'image';
      readonly container: string;
      readonly image: string;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: 'container-config'; readonly container: string; readonly reason: string; readonly message: string }
  | { readonly kind: 'crash'; readonly container: string; readonly message: string }
  | { readonly kind: 'init-container'; readonly container: string }
  | { readonly kind: 'starting'; readonly container: string; readonly message: string }
  | { readonly kind: 'unready'; readonly containers: readonly string[]; readonly probe: 'startup' | 'readiness' }
  /** A readiness gate that is not ours. */
  | { readonly kind: 'readiness-gate'; readonly gate: string; readonly message: string }
  | { readonly kind: 'resize'; readonly reason: string; readonly message: string }
  /** An in-place change that the kubelet has not completed; `reason` comes from the CollaSet controller. */
  | { readonly kind: 'change'; readonly reason: string }
  /** The node's kubelet reports nothing, or a status that does not match its containers. */
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'terminating'; readonly untilMs: number; readonly node: string | undefined }
  /** Finalizers of other controllers on a Pod that is being deleted. */
  | { readonly kind: 'finalizer'; readonly finalizers: readonly string[] }
  /** The available-conditions annotation cannot be parsed. */
  | { readonly kind: 'annotation'; readonly annotation: string }
  | { readonly kind: 'new-pod'; readonly name: string }
  | { readonly kind: 'paused' }
  /** The partition, or the label of an update by label, keeps Pods at their revision. */
  | { readonly kind: 'partition'; readonly partition: number | undefined }
  /** The API server refuses a write of the set: quota, admission, validation. */
  | { readonly kind: 'refused'; readonly what: string; readonly message: string }
  /** The update policy forbids the change. */
  | { readonly kind: 'policy'; readonly message: string };

export type HolderKind = Holder['kind'];

/** The next step of the coordinator: let the operation pass a check, open or close the gate, begin or execute a deletion, or end an operation. */
export type CoordinatorStep = 'PreCheck' | 'PostCheck' | 'close-gate' | 'open-gate' | 'begin' | 'delete' | 'complete';

/** The party that has to act, by kind of holder: a small set of words for reasons of conditions and labels of metrics. */
export type Actor =
  | 'rules'
  | 'engine'
  | 'traffic'
  | 'operator'
  | 'kubelet'
  | 'scheduler'
  | 'coordinator'
  | 'user'
  | 'time'
  | 'api-server';

const ACTORS: { readonly [K in HolderKind]: Actor } = {
  rule: 'rules',
  engine: 'engine',
  coordinator: 'coordinator',
  blind: 'api-server',
  adapter: 'traffic',
  operation: 'operator',
  'other-operations': 'operator',
  eviction: 'user',
  delay: 'time',
  'min-ready': 'time',
  unscheduled: 'scheduler',
  image: 'kubelet',
  'container-config': 'kubelet',
  crash: 'kubelet',
  'init-container': 'kubelet',
  starting: 'kubelet',
  unready: 'kubelet',
  'readiness-gate': 'operator',
  resize: 'kubelet',
  change: 'kubelet',
  node: 'kubelet',
  terminating: 'kubelet',
  finalizer: 'operator',
  annotation: 'user',
  'new-pod': 'operator',
  paused: 'user',
  partition: 'user',
  refused: 'api-server',
  policy: 'user',
};

export function actorOf({ kind }: Holder): Actor {
  return ACTORS[kind];
}

/** The operator that is known not to run and that the holder waits for; undefined otherwise. */
export function stoppedOperatorOf(holder: Holder): string | undefined {
  if (!('isRunning' in holder) || holder.isRunning) return undefined;
  if (holder.kind === 'engine') return ENGINE;
  return holder.kind === 'coordinator' ? COORDINATOR : holder.app;
}
