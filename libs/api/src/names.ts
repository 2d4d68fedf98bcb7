/** The `apps.kusionstack.io` API group, shared by every kind of ours. */
export const API_GROUP = 'apps.kusionstack.io';
/** Version of the API group. */
export const API_VERSION = 'v1alpha1';

/** Label that puts a Pod, PVC or Service under the control of the operators; only the exact value `true` has this effect. */
export const CONTROL_LABEL = 'kusionstack.io/control';

const LIFECYCLE_DOMAIN = 'podopslifecycle.kusionstack.io';

/**
 * The twelve label prefixes that carry one operation through the PodOpsLifecycle, in the order an operation meets them.
 * A full key is `<prefix>.podopslifecycle.kusionstack.io/<operation id>`.
 */
export const STAGE_LABELS = [
  'operating',
  'operation-type',
  'pre-check',
  'pre-checked',
  'preparing',
  'operate',
  'operated',
  'done-operation-type',
  'post-check',
  'post-checked',
  'completing',
  'undo-operation-type',
] as const;
/** One of the prefixes in {@link STAGE_LABELS}. */
export type StageLabel = (typeof STAGE_LABELS)[number];

/** Key of the label that says operation `id` is at `stage`, e.g. `operate.podopslifecycle.kusionstack.io/collaset`. */
export function stageLabel(stage: StageLabel, id: string): string {
  return `${stage}.${LIFECYCLE_DOMAIN}/${id}`;
}

/** Key prefix, slash included, of a stage's labels: what follows is the operation id. */
export function stagePrefix(stage: StageLabel): string {
  return `${stage}.${LIFECYCLE_DOMAIN}/`;
}

/** Key prefix, slash included, of the per-type permission labels: what follows is the operation type. */
export const PERMISSION_PREFIX = `operation-permission.${LIFECYCLE_DOMAIN}/`;

/** Key of the label that shows third parties that operations of `type` were permitted on the Pod. */
export function permissionLabel(type: string): string {
  return `${PERMISSION_PREFIX}${type}`;
}

/** Present while a Pod serves: it is ready, has no operation in progress, and has every expected finalizer. Value: Unix nanoseconds. */
export const SERVICE_AVAILABLE_LABEL = `${LIFECYCLE_DOMAIN}/service-available`;
/** On a Pod created for a new instance id, until it is first service-available. */
export const CREATING_LABEL = `${LIFECYCLE_DOMAIN}/creating`;
/** On a Pod re-created for an instance id that existed before, until it is first service-available. */
export const COMPLETING_LABEL = `${LIFECYCLE_DOMAIN}/completing`;
/** Set by a user to keep a Pod out of traffic; any value counts. */
export const STAY_OFFLINE_LABEL = `${LIFECYCLE_DOMAIN}/stay-offline`;
/** Present while an operation is running that ends with the deletion of the Pod. */
export const PREPARING_TO_DELETE_LABEL = `${LIFECYCLE_DOMAIN}/preparing-to-delete`;

/** Pod annotation: when a client last asked for the Pod's deletion, Unix nanoseconds. */
export const DELETION_REQUESTED_ANNOTATION = 'gracedelete.kusionstack.io/delete-timestamp';
/** Pod annotation: when a client last asked for the Pod's eviction, Unix nanoseconds. Not known to the Go implementation. */
export const EVICTION_REQUESTED_ANNOTATION = `${LIFECYCLE_DOMAIN}/eviction-requested`;
/** Pod annotation: when preemption or a NoExecute taint first asked for the Pod's end, Unix nanoseconds. Not known to the Go implementation. */
export const CLUSTER_NEEDS_ANNOTATION = `${LIFECYCLE_DOMAIN}/cluster-needs`;
/** Pod annotation, set by a user: `true` lets every deletion and eviction of the Pod through at once. Not known to the Go implementation. */
export const DELETE_AT_ONCE_ANNOTATION = `${LIFECYCLE_DOMAIN}/delete-at-once`;
/** Operation id under which a Pod marked `to-delete` is deleted. */
export const POD_DELETE_OPERATION_ID = 'pod-delete';
/** Operation id under which a Pod is drained for an eviction. */
export const POD_EVICT_OPERATION_ID = 'pod-evict';
/** Operation type of both. */
export const DELETE_OPERATION_TYPE = 'delete';

/** Readiness gate, and the Pod condition behind it, through which the coordinator takes a Pod out of traffic. */
export const SERVICE_READY_GATE = 'pod.kusionstack.io/service-ready';
/** Message of the service-ready condition as the Go implementation writes it. */
export const SERVICE_READY_MESSAGE = 'updated by PodOpsLifecycle';
/** Prefix of finalizers: a Pod that has one of them still has traffic, or another hold, and is not drained. */
export const PROTECTION_FINALIZER_PREFIX = 'prot.podopslifecycle.kusionstack.io';
/** Pod annotation: JSON `{"expectedFinalizers":{"<Kind>/<namespace>/<name>":"<finalizer>"}}`. */
export const AVAILABLE_CONDITIONS_ANNOTATION = 'pod.kusionstack.io/available-conditions';

/** Pod annotation: JSON `{"skipRules":["<rule name>"]}`, rules of any PodTransitionRule this Pod need not pass. */
export const SKIP_RULES_ANNOTATION = 'podtransitionrule.kusionstack.io/skip-rule-conditions';
/** Prefix of the Pod annotation that shows a PodTransitionRule's verdict: what follows is the rule object's name. */
export const RULE_DETAIL_ANNOTATION_PREFIX = 'detail.podtransitionrule.kusionstack.io/';
/** On a PodTransitionRule, a PodDecoration and an OperationJob until its controller has cleaned up. */
export const RULE_FINALIZER = 'finalizer.operating.kusionstack.io/protected';

/** On a Pod of a CollaSet and on its claims: its number in the set, which it keeps when it is replaced. */
export const INSTANCE_ID_LABEL = 'collaset.kusionstack.io/instance-id';
/** Holds the full ControllerRevision name, not the bare hash. */
export const REVISION_LABEL = 'controller-revision-hash';
/** On a Pod, set by a user: include it in an update by label. */
export const UPDATE_INCLUDED_LABEL = 'collaset.kusionstack.io/update-included';
/** On a Pod, set by a user: delete the Pod through its lifecycle. */
export const TO_DELETE_LABEL = 'collaset.kusionstack.io/to-delete';
/** On a Pod, set by a user: create another Pod, then delete this one. */
export const TO_REPLACE_LABEL = 'collaset.kusionstack.io/to-replace';
/** On a Pod that an update replaces, in difference to one that a user replaces. */
export const REPLACED_BY_REPLACE_UPDATE_LABEL = 'collaset.kusionstack.io/replaced-by-replace-update';
/** On a Pod that is being replaced: instance id of the new Pod. */
export const REPLACE_PAIR_NEW_ID_LABEL = 'collaset.kusionstack.io/replace-pair-new-id';
/** On the new Pod of a replacement: name of the Pod that it replaces. */
export const REPLACE_PAIR_ORIGIN_NAME_LABEL = 'collaset.kusionstack.io/replace-pair-origin-name';
/** On a Pod, set by a user: release it from its CollaSet. */
export const TO_EXCLUDE_LABEL = 'collaset.kusionstack.io/to-exclude';
/** On a Pod or claim that was released from its CollaSet. */
export const ORPHANED_LABEL = 'collaset.kusionstack.io/orphaned';
/** On a claim that outlives its CollaSet: the name of that set. Not known to the Go implementation. */
export const RETAINED_BY_ANNOTATION = 'collaset.kusionstack.io/retained-by';
/** On a claim: name of the claim template that it was made from. */
export const PVC_TEMPLATE_NAME_LABEL = 'collaset.kusionstack.io/pvc-template-name';
/** On a claim: hash of the claim template that it was made from. */
export const PVC_TEMPLATE_HASH_LABEL = 'collaset.kusionstack.io/pvc-template-hash';
/** JSON record of the containers that an in-place update changed. It shows when the kubelet has applied the update. */
export const LAST_POD_STATUS_ANNOTATION = 'collaset.kusionstack.io/last-pod-status';
/** On a CollaSet until its Pods and claims are handled as its policies say. */
export const COLLASET_FINALIZER = 'apps.kusionstack.io/pre-reclaim';
/** Operation id under which a CollaSet updates and scales in its Pods. */
export const COLLASET_OPERATION_ID = 'collaset';

/** On a ControllerRevision: hash of its template. */
export const REVISION_HASH_LABEL = 'controller.kubernetes.io/hash';
/** On a ControllerRevision: how often its hash collided with that of another template. */
export const REVISION_COLLISION_LABEL = 'controller.kubernetes.io/collision';

/**
 * On an employer (Service): the name of the adapter that guards the traffic of its Pods. While the annotation is there, a Pod that the
 * employer selects counts as guarded only once that adapter has announced itself on the Pod.
 */
export const EMPLOYER_ADAPTER_ANNOTATION = 'resource-consist.kusionstack.io/adapter';
/** Condition of an employer (Service): False while its adapter cannot tell the traffic of the Pods. The message is the cause. */
export const TRAFFIC_KNOWN_CONDITION = 'resource-consist.kusionstack.io/TrafficKnown';
/**
 * On an employer (Service): how long the traffic of its Pods must have been off, or on, before the adapter relies on it, e.g. `6s` or
 * `1m30s`. Proxies and load balancers need that time to follow what the adapter sees.
 */
export const TRAFFIC_OFF_HOLD_ANNOTATION = 'resource-consist.kusionstack.io/traffic-off-hold';
/** The same for traffic that is on. */
export const TRAFFIC_ON_HOLD_ANNOTATION = 'resource-consist.kusionstack.io/traffic-on-hold';
/** On an employer until an adapter that owns records for it has removed them all. */
export const EMPLOYER_CLEAN_FINALIZER = 'resource-consist.kusionstack.io/clean-finalizer';
/** On an employer, if its adapter keeps that record: names of the Pods that expect its finalizer. */
export const EXPECTED_FINALIZERS_RECORD_ANNOTATION =
  'resource-consist.kusionstack.io/employees-expected-finalizer-added';
/** On an employer, if its adapter keeps that record: names of the Pods that bear its finalizer. */
export const LIFECYCLE_FINALIZERS_RECORD_ANNOTATION =
  'resource-consist.kusionstack.io/employees-lifecycle-finalizer-recorded';
