import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  type CollaSetStatus,
  type Condition,
  conditionOf,
  isReady,
  isTerminal,
  type Pod,
  replicasOf,
  selectorToString,
} from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import { isSequence, type Members, revisionNameOf } from '../ids/members.ts';
import { isAvailable } from '../plan/availability.ts';
import { SCALE_IN } from '../plan/leaving.ts';
import { UPDATE } from '../plan/update-scope.ts';
import { type ConditionUpdate, conditionsWith } from './conditions.ts';
import { healthConditions, type Stand } from './health.ts';

type StatusInput = {
  readonly set: CollaSet;
  readonly members: Members;
  readonly updatedRevision: string;
  readonly isKnownRevision: (name: string) => boolean;
  readonly collisionCount: number;
  /** The conditions to update. All others stay. */
  readonly conditions: readonly ConditionUpdate[];
  readonly now: string;
  /** How far the set is from its spec; undefined keeps the health conditions as they are. */
  readonly stand?: Stand;
};

/** Computes the status of the set. Pure. */
export function statusOf(input: StatusInput): CollaSetStatus {
  const { set, members, updatedRevision } = input;
  const nowMs = Date.parse(input.now);
  const counts = countsOf(countedPods(set, members), updatedRevision, (pod) => isAvailable(set, pod, nowMs));
  const health = input.stand ? healthConditions(set, counts, input.stand) : [];
  const previous = set.status?.currentRevision;
  const isComplete = counts.updatedReadyReplicas >= replicasOf(set);
  const keepsCurrent = !isComplete && previous !== undefined && previous !== '' && input.isKnownRevision(previous);
  return {
    observedGeneration: set.metadata.generation ?? 0,
    ...counts,
    terminatingReplicas: members.terminating.filter((pod) => isSequence(set) || !isTerminal(pod)).length,
    currentRevision: keepsCurrent ? previous : updatedRevision,
    updatedRevision,
    collisionCount: input.collisionCount,
    ...(set.spec.selector ? { selector: selectorToString(set.spec.selector) } : {}),
    conditions: conditionsWith(set, [...input.conditions, ...health], input.now),
  };
}

/** With sequence names, every existing Pod counts, because it occupies its name. */
function countedPods(set: CollaSet, members: Members): readonly Pod[] {
  return isSequence(set) ? members.occupying : members.active;
}

function countsOf(pods: readonly Pod[], updatedRevision: string, isAvailable: (pod: Pod) => boolean) {
  const counts = {
    replicas: pods.length,
    scheduledReplicas: 0,
    readyReplicas: 0,
    availableReplicas: 0,
    updatedReplicas: 0,
    updatedReadyReplicas: 0,
    updatedAvailableReplicas: 0,
    operatingReplicas: 0,
  };
  for (const pod of pods) {
    const ready = isReady(pod);
    const available = isAvailable(pod);
    if (conditionOf(pod, 'PodScheduled')?.status === 'True') counts.scheduledReplicas++;
    if (ready) counts.readyReplicas++;
    if (available) counts.availableReplicas++;
    if (revisionNameOf(pod) === updatedRevision) {
      counts.updatedReplicas++;
      if (ready) counts.updatedReadyReplicas++;
      if (available) counts.updatedAvailableReplicas++;
    }
    const isOperated = [UPDATE, SCALE_IN].some((type) => hasOperation(pod, COLLASET_OPERATION_ID, type));
    if (isOperated) counts.operatingReplicas++;
  }
  return counts;
}

/**
 * Tells how urgent the change of the status is. `news` must be written immediately, because users wait for it. `conditions` (Available changes
 * with every Pod of a rollout), `figures` (counts) and `texts` (messages of conditions) may wait and be written together.
 */
export function statusChange(
  before: CollaSetStatus | undefined,
  after: CollaSetStatus,
): 'none' | 'texts' | 'figures' | 'conditions' | 'news' {
  if (factsOf(before) !== factsOf(after)) return 'news';
  if (reasonsOf(before) !== reasonsOf(after)) return 'conditions';
  if (FIGURES.some((field) => (before?.[field] ?? 0) !== (after[field] ?? 0))) return 'figures';
  return textsOf(before) === textsOf(after) ? 'none' : 'texts';
}

function factsOf(status: CollaSetStatus | undefined): string {
  const { observedGeneration, currentRevision, updatedRevision, collisionCount, selector } = status ?? {};
  const facts = [observedGeneration, currentRevision, updatedRevision, collisionCount, selector];
  return JSON.stringify([facts, reasonsOf(status, AWAITED_CONDITIONS)]);
}

/** Conditions that change rarely and that users wait for. */
const AWAITED_CONDITIONS = ['Stalled', 'Terminating'];

function reasonsOf(status: CollaSetStatus | undefined, types?: readonly string[]): string {
  const conditions = (status?.conditions ?? []).filter(({ type }) => !types || types.includes(type));
  return JSON.stringify(conditions.map(({ type, status, reason }: Condition) => [type, status, reason]));
}

function textsOf(status: CollaSetStatus | undefined): string {
  return JSON.stringify(
    status?.conditions?.map(({ type, message, lastTransitionTime }: Condition) => [type, message, lastTransitionTime]),
  );
}

const FIGURES = [
  'replicas',
  'scheduledReplicas',
  'readyReplicas',
  'availableReplicas',
  'updatedReplicas',
  'updatedReadyReplicas',
  'updatedAvailableReplicas',
  'operatingReplicas',
  'terminatingReplicas',
] as const;
