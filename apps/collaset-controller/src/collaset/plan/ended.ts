// Pods that have ended (Succeeded or Failed, evicted ones among them): when the next Pod of their instance id is made, and which of them
// stay to be looked at. See docs/decisions/0023-pods-that-end.md.
import type { CollaSet, Pod } from '@kuperator/api';
import { ENDED, type EntryData, idsOf, incarnationOf, type Pool, REVISION, SCALE_IN_MARK } from '../ids/instance-id.ts';
import { instanceIdOf, isSequence, type Members, revisionNameOf } from '../ids/members.ts';
import { podNameFor } from '../ids/pod-name.ts';
import { newestFirst } from './scale.ts';

/** Ended Pods of a set that stay, the youngest; besides those that instance ids without another Pod need for their back-off. */
export const KEPT_ENDED = 5;

const BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 300_000;
/** Instance ids that may wait for no longer than one does. The more there are, the longer each waits: a large set that fails as a whole is no flood. */
const UNDAMPED_IDS = 10;
/** A Pod that lived for so long did not fail as soon as it started: longer than the longest back-off that its age may include. */
const LIVED_MS = 2 * MAX_BACKOFF_MS;

/** Why an instance id has to wait for its next Pod. */
export type Hold = {
  /** The last Pod of the id. */
  readonly pod: Pod;
  readonly endedInARow: number;
  readonly untilMs: number;
};

export type EndedPlan = {
  /** By instance id, those whose next Pod must not be made yet. */
  readonly held: ReadonlyMap<number, Hold>;
  /** By instance id, what its entry should record of the Pods that ended. */
  readonly records: ReadonlyMap<number, string>;
  /** To be deleted. */
  readonly purge: readonly Pod[];
};

export type EndedInput = {
  readonly set: CollaSet;
  readonly members: Members;
  readonly pool: Pool;
  /** Ids that are to get a Pod. */
  readonly vacancies: ReadonlySet<number>;
  /** Pods to leave for good: nothing is to come after them. */
  readonly surplus: ReadonlySet<Pod>;
  /** Name of the revision the id's next Pod is made from. */
  readonly nextRevision: (id: number) => string;
  readonly nowMs: number;
};

const NOTHING: EndedPlan = { held: new Map(), records: new Map(), purge: [] };

export function planEnded(input: EndedInput): EndedPlan {
  const { set, members, pool } = input;
  if (set.spec.paused || members.finished.length === 0) return NOTHING;
  const ended = members.finished.toSorted(youngestFirst(set, pool));
  const active = idsOf(members.active);
  const records = new Map<number, string>();
  const last = new Map<number, Pod>();
  const failing = new Map<number, { pod: Pod; endedInARow: number }>();
  for (const pod of ended) {
    const id = instanceIdOf(pod);
    const entry = pool.own.get(id ?? -1);
    if (id === undefined || last.has(id) || active.has(id) || input.surplus.has(pod)) continue;
    if (entry === undefined || entry[SCALE_IN_MARK] !== undefined) continue;
    last.set(id, pod);
    // By sequence an ended Pod has to make room before its id is vacant.
    if (!isSequence(set) && !input.vacancies.has(id)) continue;
    // The next Pod is another one: it may well not end.
    if (input.nextRevision(id) !== revisionNameOf(pod)) continue;
    const endedInARow = countOf(entry, pod, input.nowMs);
    records.set(id, `${endedInARow}/${pod.metadata.uid}`);
    failing.set(id, { pod, endedInARow });
  }
  const factor = Math.max(1, Math.ceil(failing.size / UNDAMPED_IDS));
  const held = new Map<number, Hold>();
  for (const [id, { pod, endedInARow }] of failing) {
    const delayMs = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * factor * 2 ** (endedInARow - 1));
    const untilMs = createdMs(pod) + delayMs;
    if (untilMs > input.nowMs) held.set(id, { pod, endedInARow, untilMs });
  }
  return { held, records, purge: isSequence(set) ? withoutHeld(ended, held) : beyondLimit(ended, last, input) };
}

/** By sequence the next Pod needs the name. */
function withoutHeld(ended: readonly Pod[], held: ReadonlyMap<number, Hold>): readonly Pod[] {
  return ended.filter((pod) => held.get(instanceIdOf(pod) ?? -1)?.pod !== pod);
}

/** Pods of ids that are gone would keep the claims of these, so they go at once. */
function beyondLimit(
  ended: readonly Pod[],
  last: ReadonlyMap<number, Pod>,
  { pool, members }: EndedInput,
): readonly Pod[] {
  const active = idsOf(members.active);
  const isOver = (id: number | undefined) => id !== undefined && !active.has(id) && !pool.own.has(id);
  const needed = new Set(last.values());
  const others = ended.filter((pod) => !needed.has(pod));
  const kept = new Set(others.filter((pod) => !isOver(instanceIdOf(pod))).slice(0, KEPT_ENDED));
  return others.filter((pod) => !kept.has(pod));
}

function createdMs({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}

/** How many Pods of the id ended one soon after another, this one included. */
function countOf(entry: EntryData, pod: Pod, nowMs: number): number {
  const [count = '', uid] = (entry[ENDED] ?? '').split('/');
  const before = /^\d{1,9}$/.test(count) ? Number(count) : 0;
  if (uid !== undefined && uid === pod.metadata.uid) return Math.max(1, before);
  return nowMs - createdMs(pod) > LIVED_MS ? 1 : before + 1;
}

/** Of Pods created in the same second the one comes first that the id's entry names. */
function youngestFirst(set: CollaSet, pool: Pool) {
  const isNamed = (pod: Pod) => {
    const id = instanceIdOf(pod) ?? -1;
    return pod.metadata.name === podNameFor(set, id, incarnationOf(pool.own.get(id)));
  };
  return (a: Pod, b: Pod) =>
    newestFirst(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    Number(isNamed(b)) - Number(isNamed(a)) ||
    ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
}

/** The revision an id's next Pod is made from, as far as it is known before its entry is planned. */
export function nextRevisionOf(
  {
    pool,
    updatedIds,
    updated,
    isKnownRevision,
  }: {
    pool: Pool;
    updatedIds: ReadonlySet<number>;
    updated: string;
    isKnownRevision: (name: string) => boolean;
  },
  id: number,
): string {
  const recorded = pool.own.get(id)?.[REVISION];
  const isUpdated = updatedIds.has(id) || recorded === undefined || !isKnownRevision(recorded);
  return isUpdated ? updated : recorded;
}

/** What holds the next Pods back; undefined when nothing does. */
export function heldMessage(held: EndedPlan['held']): string | undefined {
  const [first, ...others] = [...held].toSorted(([a], [b]) => a - b);
  if (!first) return undefined;
  const [id, { pod, endedInARow, untilMs }] = first;
  const { phase, reason, message } = pod.status ?? {};
  const cause = [reason, message].filter((text) => typeof text === 'string' && text !== '').join(': ');
  const until = new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const more = others.length > 0 ? `, and so do the Pods of ${others.length} more` : '';
  return (
    `Pod ${pod.metadata.name} of instance ${id} has ended (${phase}${cause ? `, ${cause}` : ''}), ` +
    `${endedInARow} in a row: the next one waits until ${until}${more}`
  );
}
