import {
  COLLASET_OPERATION_ID,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  type PodTransitionRule,
  PREPARING_TO_DELETE_LABEL,
} from '@kuperator/api';
import type { OperationStage } from '@kuperator/lifecycle';
import { withoutCounts } from '../pod/counts.ts';
import { waitsOf } from '../pod/waits.ts';
import { begunAt } from './asked.ts';
import { passOf } from './pass.ts';
import { PATIENCE_MS } from './patience.ts';

/** Who holds the end of a Pod, for a person. */
export type Hold = {
  /** `waits for …`, to follow the Pod's name. */
  readonly message: string;
  readonly sinceMs?: number | undefined;
};

/** The Pod may go once any of its operations has come that far, so the one that is ahead decides. */
const AHEAD: readonly OperationStage[] = ['Preparing', 'PreCheck'];
/** Looked at to find out whether others have waited in vain already. */
const OTHERS = 20;

/**
 * Who holds the operation by which the Pod is to go, whoever began it: of several the one furthest ahead. Undefined when there is none.
 * An eviction of a Pod that is being deleted waits for the deletion.
 */
export function holdOf(pod: Pod, rules: readonly PodTransitionRule[]): Hold | undefined {
  const isToGo = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
  const endings = waitsOf(pod, rules).filter(
    ({ operation: { id } }) =>
      id === POD_DELETE_OPERATION_ID || id === POD_EVICT_OPERATION_ID || (isToGo && id === COLLASET_OPERATION_ID),
  );
  const ahead = AHEAD.flatMap((stage) => endings.filter(({ operation }) => operation.stage === stage));
  if (ahead[0]) return ahead[0];
  // Nobody holds it any more: the next look finds it permitted.
  return endings.length > 0 ? { message: 'is out of traffic and may go' } : undefined;
}

/**
 * What holds other Pods for longer than a person waits: who asks for one Pod after the other, as `kubectl delete pods --all` does, need
 * not wait a minute for each to be told the same.
 * @param marked Pods of the namespace that are marked to be deleted
 */
export function longHolds(
  marked: readonly Pod[],
  { besides, rules, nowMs }: { besides: Pod; rules: readonly PodTransitionRule[]; nowMs: number },
): readonly string[] {
  const isLong = (pod: Pod) => nowMs - (begunAt(pod, POD_DELETE_OPERATION_ID) ?? nowMs) >= PATIENCE_MS;
  return marked
    .filter((pod) => pod.metadata.uid !== besides.metadata.uid && isLong(pod) && passOf(pod) === undefined)
    .slice(0, OTHERS)
    .flatMap((pod) => holdOf(pod, rules)?.message ?? []);
}

/** Whether the hold is one of `others`, whatever it counts. */
export function isAmong({ message }: Hold, others: readonly string[]): boolean {
  return others.some((other) => withoutCounts(other) === withoutCounts(message));
}
