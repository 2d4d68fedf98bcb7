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
import { begunAt } from './asked.ts';
import { passOf } from './pass.ts';
import { PATIENCE_MS } from './patience.ts';

/** What is known besides the Pod. */
export type EndFacts = Pick<Facts, 'nowMs' | 'rules' | 'isRunning'>;

/** Who holds the end of a Pod, for a person. */
export type Hold = {
  /** Follows the Pod's name: `waits: <holder>`. */
  readonly message: string;
  /** Equal for two holds that differ only in what they count. */
  readonly key: string;
  readonly sinceMs?: number | undefined;
};

/** Looked at to find out whether others have waited in vain already. */
const OTHERS = 20;

/**
 * Who holds the operation by which the Pod is to go, whoever began it: of several the one furthest ahead, since the Pod may go once any of
 * them has come that far. Undefined when there is none. An eviction of a Pod that is being deleted waits for the deletion.
 */
export function holdOf(pod: Pod, facts: EndFacts): Hold | undefined {
  const isToGo = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] !== undefined;
  const ends = (id: string | undefined) =>
    id === POD_DELETE_OPERATION_ID || id === POD_EVICT_OPERATION_ID || (isToGo && id === COLLASET_OPERATION_ID);
  const endings = holdsOf(pod, facts).filter(({ operation }) => ends(operation?.id));
  const [ahead] = endings.filter(({ rank }) => rank < RANKS.Operate).toSorted((a, b) => b.rank - a.rank);
  if (ahead) return { ...said(counted`waits: ${wordsOf(ahead.holder)}`), sinceMs: ahead.sinceMs };
  // Nobody holds it any more: the next look finds it permitted.
  return endings.length > 0 ? said(['is out of traffic and may go']) : undefined;
}

/**
 * What holds other Pods for longer than a person waits: who asks for one Pod after the other, as `kubectl delete pods --all` does, need
 * not wait a minute for each to be told the same.
 * @returns keys of their holds
 * @param marked Pods of the namespace that are marked to be deleted
 */
export function longHolds(marked: readonly Pod[], besides: Pod, facts: EndFacts): readonly string[] {
  const isLong = (pod: Pod) => facts.nowMs - (begunAt(pod, POD_DELETE_OPERATION_ID) ?? facts.nowMs) >= PATIENCE_MS;
  return marked
    .filter((pod) => pod.metadata.uid !== besides.metadata.uid && isLong(pod) && passOf(pod) === undefined)
    .slice(0, OTHERS)
    .flatMap((pod) => holdOf(pod, facts)?.key ?? []);
}

/** True if the hold is one of `others`, which are keys of holds. */
export function isAmong({ key }: Pick<Hold, 'key'>, others: readonly string[]): boolean {
  return others.includes(key);
}

function said(words: CountedText): Hold {
  return { message: spelled(words), key: countlessKey(words) };
}
