import { countlessKey } from './counted-text.ts';
import type { Holder } from './holder.ts';
import type { Hold } from './pod-holds.ts';
import { RANKS } from './pod-holds.ts';
import { textOf, timeOf, wordsOf } from './text.ts';

/** Pods that have the same holder. */
export type HoldGroup = {
  readonly holder: Holder;
  readonly pods: readonly string[];
  readonly sinceMs: number | undefined;
  readonly rank: number;
};

/**
 * The holders of many Pods: the furthest advanced first, then by number of Pods, then by kind of holder. Pods whose holders differ only
 * in counts form one group, with the text of the first Pod by name.
 */
export function foldHolds(holds: readonly Hold[]): readonly HoldGroup[] {
  const groups = new Map<string, { holder: Holder; pods: string[]; sinceMs: number | undefined; rank: number }>();
  for (const { holder, pod, sinceMs, rank } of holds.toSorted((a, b) => compare(a.pod ?? '', b.pod ?? ''))) {
    const key = holderKeyOf(holder);
    const group = groups.get(key);
    if (!group) {
      groups.set(key, { holder, pods: pod === undefined ? [] : [pod], sinceMs, rank });
      continue;
    }
    if (pod !== undefined && !group.pods.includes(pod)) group.pods.push(pod);
    group.rank = Math.max(group.rank, rank);
    group.sinceMs = earlier(group.sinceMs, sinceMs);
    // A group of delays waits for the last of them.
    if ('untilMs' in holder && 'untilMs' in group.holder && holder.untilMs > group.holder.untilMs)
      group.holder = holder;
  }
  return [...groups]
    .toSorted(([keyA, a], [keyB, b]) => b.rank - a.rank || b.pods.length - a.pods.length || compare(keyA, keyB))
    .map(([, group]) => group);
}

/** A key that is equal for holders that differ only in counts, times and the words of other programs. */
export function holderKeyOf(holder: Holder): string {
  switch (holder.kind) {
    case 'rule':
      return `rule/${holder.rule}/${holder.name}`;
    case 'engine':
      return `engine/${holder.isRunning}`;
    case 'delay':
    case 'min-ready':
      return holder.kind;
    case 'terminating':
    case 'new-pod':
      return holder.kind;
    case 'crash':
      return `crash/${holder.container}`;
    case 'unscheduled':
      return `unscheduled/${holder.message === ''}`;
    case 'starting':
      return `starting/${holder.container}`;
    case 'resize':
      return `resize/${holder.reason}`;
    default:
      return countlessKey(wordsOf(holder));
  }
}

/** The number of groups that are written in full. */
const SHOWN = 4;
const TEXT_LIMIT = 1000;

/** `3 Pods: kubelet cannot pull nginx:typo (ErrImagePull); Pod web-2: rule web/budget: …`; bounded. Empty if no Pod is held. */
export function textOfGroups(groups: readonly HoldGroup[]): string {
  const shown = groups.slice(0, SHOWN).map(textOfGroup);
  const others = groups.slice(SHOWN).reduce((count, { pods }) => count + pods.length, 0);
  const text = [...shown, ...(others > 0 ? [`${others} more for other reasons`] : [])].join('; ');
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT - 3)}...` : text;
}

function textOfGroup({ holder, pods, sinceMs, rank }: HoldGroup): string {
  const [first] = pods;
  const subject = first === undefined ? '' : pods.length === 1 ? `Pod ${first}: ` : `${pods.length} Pods: `;
  const since = sinceMs === undefined || rank === RANKS.absent ? '' : ` (since ${timeOf(sinceMs)})`;
  return `${subject}${textOf(holder)}${since}`;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
