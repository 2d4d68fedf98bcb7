import {
  controllerOf,
  isReady,
  isTerminating,
  type Pod,
  RULE_DETAIL_ANNOTATION_PREFIX,
  SKIP_RULES_ANNOTATION,
} from '@kuperator/api';
import { couldServe, isUnavailable } from './population.ts';
import { stageOf } from './stage.ts';

/** The Pod indexes that this operator uses. */
export const POD_INDEXES = {
  namespace: (pod: Pod) => [pod.metadata.namespace ?? ''],
  controller: (pod: Pod) => {
    const uid = controllerOf(pod)?.uid;
    return uid === undefined ? [] : [uid];
  },
};

/** Keeps the fields of a Pod that a verdict depends on, and nothing else: every Pod of the cluster is in memory. */
export function trimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = pod.metadata;
  const controller = controllerOf(pod);
  const annotations = Object.entries(pod.metadata.annotations ?? {}).flatMap(([key, value]) => {
    if (key === SKIP_RULES_ANNOTATION) return [[key, value]];
    return key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX) ? [[key, '']] : [];
  });
  const gates = pod.spec.readinessGates ?? [];
  const types = ['Ready', 'ContainersReady', ...gates.map(({ conditionType }) => conditionType)];
  const conditions = (pod.status?.conditions ?? [])
    .filter(({ type }) => types.includes(type))
    .map(({ type, status }) => ({ type, status }));
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(labels ? { labels } : {}),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) as Record<string, string> } : {}),
      ...(controller ? { ownerReferences: [controller] } : {}),
    },
    spec: { containers: [], ...(gates.length > 0 ? { readinessGates: gates } : {}) },
    status: {
      ...(pod.status?.phase ? { phase: pod.status.phase } : {}),
      ...(conditions.length > 0 ? { conditions } : {}),
    },
  };
}

/** True if a field that a verdict depends on differs. Most writes of a Pod come from the kubelet and change no verdict. */
export function isRelevantChange(was: Pod, now: Pod): boolean {
  return fingerprint(was) !== fingerprint(now);
}

/**
 * The names of the rule objects whose verdict `now` shows and `was` did not. The coordinator writes these annotations on each Pod that waits for
 * long. No verdict depends on them. They matter only to a rule object that no longer selects the Pod and must remove its annotation.
 */
export function newlyShown(was: Pod | undefined, now: Pod): readonly string[] {
  const before = was?.metadata.annotations ?? {};
  return Object.keys(now.metadata.annotations ?? {}).flatMap((key) =>
    key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX) && !Object.hasOwn(before, key)
      ? [key.slice(RULE_DETAIL_ANNOTATION_PREFIX.length)]
      : [],
  );
}

function fingerprint(pod: Pod): string {
  const { uid, labels, annotations, ownerReferences } = pod.metadata;
  const owner = ownerReferences?.[0]?.uid;
  const skipped = annotations?.[SKIP_RULES_ANNOTATION];
  // A kubelet and the coordinator change conditions several times in an operation; few of these change a verdict.
  const isWaiting = stageOf(pod) !== undefined;
  const serves = [pod.status?.phase, isReady(pod), isWaiting && isUnavailable(pod), isWaiting && couldServe(pod)];
  return JSON.stringify([uid, labels, skipped, owner, isTerminating(pod), ...serves]);
}
