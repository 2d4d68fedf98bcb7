import {
  COLLASET_OPERATION_ID,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
} from '@kuperator/api';
import {
  type CountedText,
  counted,
  countlessKey,
  type Facts,
  holdsOf,
  RANKS,
  spelled,
  wordsOf,
} from '@kuperator/holders';
import { clearanceOf } from '../clearance.ts';
import { PATIENCE_MS } from '../patience.ts';
import { operationStartedAt } from '../request-notes.ts';

/** What is known about the holders of a Pod besides the Pod itself. */
export type LeavingFacts = Pick<Facts, 'nowMs' | 'rules' | 'isRunning'>;

/** What a Pod that is to leave waits for, in words for a person. */
export type LeavingHolder = {
  /** Follows the Pod's name, e.g. `waits: <holder>`. */
  readonly message: string;
  /** Equal for two holders that differ only in what they count. */
  readonly key: string;
  readonly sinceMs?: number | undefined;
};

/** How many other Pods are examined to find out whether they have waited in vain. */
const OTHERS = 20;

/**
 * What holds the operation by which the Pod is to leave, whichever operator began it. Of several operations the one furthest ahead counts,
 * since the Pod may leave as soon as one of them has come that far. An eviction of a Pod that is being deleted waits for the deletion.
 * @returns undefined if there is no such operation
 */
export function holderOf(pod: Pod, facts: LeavingFacts): LeavingHolder | undefined {
  const isToLeave = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
  const endsPod = (id: string | undefined) =>
    id === POD_DELETE_OPERATION_ID || id === POD_EVICT_OPERATION_ID || (isToLeave && id === COLLASET_OPERATION_ID);
  const ending = holdsOf(pod, facts).filter(({ operation }) => endsPod(operation?.id));
  const [ahead] = ending.filter(({ rank }) => rank < RANKS.Operate).toSorted((a, b) => b.rank - a.rank);
  if (ahead) return { ...saying(counted`waits: ${wordsOf(ahead.holder)}`), sinceMs: ahead.sinceMs };
  // Nothing holds the Pod any more, so the next check of the Pod finds it permitted.
  return ending.length > 0 ? saying(['is out of traffic and may go']) : undefined;
}

/**
 * What has held other Pods for longer than a person waits. A client that asks for one Pod after the other, like `kubectl delete pods --all`,
 * need not wait a minute for each of them to get the same answer.
 * @param marked Pods of the namespace that are marked to be deleted
 * @returns the keys of their holders
 */
export function longHolders(marked: readonly Pod[], besides: Pod, facts: LeavingFacts): readonly string[] {
  const isLong = (pod: Pod) =>
    facts.nowMs - (operationStartedAt(pod, POD_DELETE_OPERATION_ID) ?? facts.nowMs) >= PATIENCE_MS;
  return marked
    .filter((pod) => pod.metadata.uid !== besides.metadata.uid && isLong(pod) && clearanceOf(pod) === undefined)
    .slice(0, OTHERS)
    .flatMap((pod) => holderOf(pod, facts)?.key ?? []);
}

/** True if `others`, which are keys of holders, contains the key of this holder. */
export function isAmong({ key }: Pick<LeavingHolder, 'key'>, others: readonly string[]): boolean {
  return others.includes(key);
}

function saying(words: CountedText): Pick<LeavingHolder, 'message' | 'key'> {
  return { message: spelled(words), key: countlessKey(words) };
}
