// Decides which change wakes which rule objects.
import {
  type CollaSet,
  isTerminating,
  type Key,
  keyOf,
  type Pod,
  type PodTransitionRule,
  replicasOf,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { type Change, maySelect } from '@kuperator/runtime';
import type { Caches } from './caches.ts';
import { enteredStage } from './events.ts';
import type { OwnWrites } from './own-writes.ts';
import { isRelevantChange, newlyShown } from './pod-cache.ts';
import { selects, shareTargets } from './selection.ts';
import { stageOf } from './stage.ts';
import { TargetIndex } from './targets.ts';

type Waking = {
  readonly caches: Caches;
  readonly ownWrites: Pick<OwnWrites, 'isOwn'>;
  readonly events: Pick<EventBus, 'subscribe'>;
  readonly enqueue: (rule: Key) => void;
};

/** Wakes rule objects by the watches, and by the events that may arrive sooner. */
export function wakeOnChanges({ caches, ownWrites, events, enqueue }: Waking): void {
  const { rules, pods, sets } = caches;
  const targets = new TargetIndex();
  const wake = (keys: Iterable<Key>) => {
    for (const key of keys) enqueue(key);
  };
  rules.onChange((change) => {
    targets.update(change.old, change.type === 'deleted' ? undefined : change.object);
    if (change.type !== 'updated' || !ownWrites.isOwn(change.object)) enqueue(change.key);
    wake(neighboursToWake(change, caches));
  });
  pods.onChange((change) => wake(rulesOfPod(change, caches, targets)));
  sets.onChange((change) => {
    if (isScaled(change)) wake(rulesIn(caches, change.object.metadata.namespace).map(keyOf));
  });
  // The watch of Pods reports the same. An event that arrives before the watch is ignored: an evaluation now would not see the change,
  // and would delay the one that will.
  for (const event of ['operation.requested', 'operation.done']) {
    events.subscribe({ kind: 'pod', event }, (received) => {
      const pod = pods.get(enteredStage(received) ?? '');
      if (pod && stageOf(pod)) wake(selecting(caches, pod).map(keyOf));
    });
  }
}

/** The rule objects that a change of a Pod concerns. A key may occur twice. */
export function rulesOfPod(
  { type, object, old }: Change<Pod>,
  caches: Pick<Caches, 'rules'>,
  targets: Pick<TargetIndex, 'rulesOf'>,
): readonly Key[] {
  const { namespace } = object.metadata;
  const shown = newlyShown(old, object)
    .flatMap((name) => caches.rules.get(`${namespace}/${name}`) ?? [])
    .filter((rule) => isTerminating(rule) || !selects(rule, object));
  if (type === 'updated' && old && !isRelevantChange(old, object)) return shown.map(keyOf);
  const was = old && old.metadata.labels !== object.metadata.labels ? selecting(caches, old) : [];
  return [...[...shown, ...selecting(caches, object), ...was].map(keyOf), ...targets.rulesOf(object)];
}

/** The other rule objects whose slots depend on the changed one: it refuses a Pod, or has granted it a slot. */
function neighboursToWake({ type, key, object, old }: Change<PodTransitionRule>, caches: Caches): readonly Key[] {
  const isSpecChange = type !== 'updated' || old?.metadata.generation !== object.metadata.generation;
  if (!isSpecChange && old?.status === object.status) return [];
  return rulesIn(caches, object.metadata.namespace)
    .filter((rule) => keyOf(rule) !== key && (isSpecChange || shareTargets(rule, object)))
    .map(keyOf);
}

function isScaled({ type, object, old }: Change<CollaSet>): boolean {
  return type !== 'updated' || !old || replicasOf(old) !== replicasOf(object);
}

function rulesIn({ rules }: Caches, namespace: string | undefined): readonly PodTransitionRule[] {
  return rules.byIndex('namespace', namespace ?? '');
}

function selecting({ rules }: Pick<Caches, 'rules'>, pod: Pod): readonly PodTransitionRule[] {
  return maySelect(rules, pod).filter((rule) => selects(rule, pod));
}
