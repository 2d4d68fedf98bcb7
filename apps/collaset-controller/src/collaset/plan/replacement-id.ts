import { freeIds, idsOf, type Pool, REPLACE_NEW_ID, REPLACE_ORIGIN_ID } from '../ids/instance-id.ts';
import { instanceIdOf, type Members } from '../ids/members.ts';
import type { Replacement } from './context.ts';
import type { ReplacePlan } from './replace.ts';

export type ReplacementIdInput = {
  readonly pool: Pool;
  readonly members: Members;
  /** Origins that lack their new Pod. */
  readonly start: ReplacePlan['start'];
  /** Ids that other new Pods get in the same pass. */
  readonly chosen: readonly number[];
  /** Ids of which the set has claims. */
  readonly claimed: ReadonlySet<number>;
};

/**
 * Ids for the Pods that take the place of others: the id that the pair had already, or else the lowest free one without claims. A pair
 * that ends deletes the claims of one of its ids, so a retained claim must not become part of a pair.
 */
export function replacementIds(input: ReplacementIdInput): ReadonlyMap<number, Replacement> {
  const { pool, members, start, chosen, claimed } = input;
  const occupied = idsOf(members.occupying);
  const taken = [...chosen];
  const ids = new Map<number, Replacement>();
  for (const { origin, revision } of start) {
    const before = pairedId(pool, instanceIdOf(origin));
    const isFresh = before === undefined || occupied.has(before) || taken.includes(before);
    const [id = 0] = isFresh ? freeIds(pool, occupied, [...taken, ...claimed], 1) : [before];
    taken.push(id);
    ids.set(id, { origin, revision, isFresh });
  }
  return ids;
}

/** The id on record for the new Pod of the origin, if both entries say so. */
function pairedId({ own }: Pool, originId: number | undefined): number | undefined {
  const id = Number(own.get(originId ?? -1)?.[REPLACE_NEW_ID] ?? -1);
  return own.get(id)?.[REPLACE_ORIGIN_ID] === String(originId) ? id : undefined;
}
