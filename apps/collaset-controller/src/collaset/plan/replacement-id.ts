import { freeIds, idsOf, type Pool, REPLACE_NEW_ID, REPLACE_ORIGIN_ID } from '../ids/instance-id.ts';
import { instanceIdOf, type Members } from '../ids/members.ts';
import type { Replacement } from './context.ts';
import type { ReplacePlan } from './replace.ts';

type ReplacementIdInput = {
  readonly pool: Pool;
  readonly members: Members;
  /** Origins that lack a successor. */
  readonly start: ReplacePlan['start'];
  /** Ids that other new Pods get in the same pass. */
  readonly chosen: readonly number[];
  /** Ids for which the set has claims. */
  readonly claimed: ReadonlySet<number>;
};

/**
 * Chooses the ids of successors: the id that the context already records for the pair, or else the lowest free id without claims. The end
 * of a replacement deletes the claims of one of its two ids, so an id with retained claims must not become part of a pair.
 */
export function replacementIds(input: ReplacementIdInput): ReadonlyMap<number, Replacement> {
  const { pool, members, start, chosen, claimed } = input;
  const occupied = idsOf(members.occupying);
  const taken = [...chosen];
  const ids = new Map<number, Replacement>();
  for (const { origin, revision } of start) {
    const before = pairedId(pool, instanceIdOf(origin));
    const isFresh = before === undefined || occupied.has(before) || taken.includes(before);
    const [id = 0] = isFresh ? freeIds(pool, { occupied, chosen: [...taken, ...claimed], count: 1 }) : [before];
    taken.push(id);
    ids.set(id, { origin, revision, isFresh });
  }
  return ids;
}

/** The id that the context records for the origin's successor, if the entries of both ids agree. */
function pairedId({ own }: Pool, originId: number | undefined): number | undefined {
  const id = Number(own.get(originId ?? -1)?.[REPLACE_NEW_ID] ?? -1);
  return own.get(id)?.[REPLACE_ORIGIN_ID] === String(originId) ? id : undefined;
}
