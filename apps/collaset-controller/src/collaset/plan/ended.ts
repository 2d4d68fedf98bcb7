// Pods that have ended (phase Succeeded or Failed, for example after an eviction): when the next Pod of their instance id is created, and
// which of them stay for inspection. See docs/decisions/0023-pods-that-end.md.
import type { CollaSet, Pod } from '@kuperator/api';
import { timeOf } from '@kuperator/holders';
import { ENDED, type EntryData, idsOf, incarnationOf, type Pool, REVISION, SCALE_IN_MARK } from '../ids/instance-id.ts';
import { instanceIdOf, isSequence, type Members, revisionNameOf } from '../ids/members.ts';
import { podNameFor } from '../ids/pod-name.ts';
import { newestFirst } from './scale.ts';

/** How many ended Pods of a set stay, the youngest first. The last Pod of an id that waits for its next Pod stays in addition. */
export const KEPT_ENDED = 5;

const BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 300_000;
/** If more ids than this fail at once, their back-off grows with their number, so that a large set does not flood the API server. */
const UNDAMPED_IDS = 10;
/** A Pod that is older than this did not fail at its start. It exceeds the longest back-off, which may be part of the Pod's age. */
const LIVED_MS = 2 * MAX_BACKOFF_MS;

/** Why an instance id has to wait for its next Pod. */
export type Hold = {
  /** The last Pod of the id. */
  readonly pod: Pod;
  readonly endedInARow: number;
  readonly untilMs: number;
};

export type EndedPlan = {
  /** The instance ids whose next Pod must not be created yet. */
  readonly held: ReadonlyMap<number, Hold>;
  /** What the entry of each instance id records about its ended Pods. */
  readonly records: ReadonlyMap<number, string>;
  /** Ended Pods to delete. */
  readonly purge: readonly Pod[];
};

type EndedInput = {
  readonly set: CollaSet;
  readonly members: Members;
  readonly pool: Pool;
  /** Ids that get a Pod. */
  readonly vacancies: ReadonlySet<number>;
  /** Pods whose instance id the set gives up. */
  readonly surplus: ReadonlySet<Pod>;
  /** Name of the revision of the id's next Pod. */
  readonly nextRevision: (id: number) => string;
  readonly nowMs: number;
};

const NOTHING: EndedPlan = { held: new Map(), records: new Map(), purge: [] };

/** Plans the back-off of the instance ids whose Pods end, and which ended Pods to delete. Pure. */
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
    // With sequence names, the id becomes vacant only after the ended Pod is deleted.
    if (!isSequence(set) && !input.vacancies.has(id)) continue;
    // There is no back-off if the next Pod has another revision, because that one may run.
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

/** With sequence names, every ended Pod is deleted when its back-off ends, because the next Pod needs the name. */
function withoutHeld(ended: readonly Pod[], held: ReadonlyMap<number, Hold>): readonly Pod[] {
  return ended.filter((pod) => held.get(instanceIdOf(pod) ?? -1)?.pod !== pod);
}

/** The ended Pods beyond the limit. Pods of given-up ids are deleted without regard to the limit, because they keep the ids' claims in use. */
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

/** How many Pods of the id, including this one, ended soon after their start without a longer-lived one in between. */
function countOf(entry: EntryData, pod: Pod, nowMs: number): number {
  const [count = '', uid] = (entry[ENDED] ?? '').split('/');
  const before = /^\d{1,9}$/.test(count) ? Number(count) : 0;
  if (uid !== undefined && uid === pod.metadata.uid) return Math.max(1, before);
  return nowMs - createdMs(pod) > LIVED_MS ? 1 : before + 1;
}

/** If Pods were created in the same second, the one that the id's entry names comes first. */
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

/** The revision of the id's next Pod, as far as it is known before the entry of the id is planned. */
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

/** Says why the next Pods wait, for the condition `Scale`; undefined if none waits. */
export function heldMessage(held: EndedPlan['held']): string | undefined {
  const [first, ...others] = [...held].toSorted(([a], [b]) => a - b);
  if (!first) return undefined;
  const [id, { pod, endedInARow, untilMs }] = first;
  const { phase, reason, message } = pod.status ?? {};
  const cause = [reason, message].filter((text) => typeof text === 'string' && text !== '').join(': ');
  const until = timeOf(untilMs);
  const more = others.length > 0 ? `; ${others.length} more instances also wait for their next Pod` : '';
  return (
    `Pod ${pod.metadata.name} of instance ${id} has ended (${phase}${cause ? `, ${cause}` : ''}), ` +
    `${endedInARow} in a row: its next Pod is created after ${until}${more}`
  );
}
