import type { CollaSet, PersistentVolumeClaim } from '@kuperator/api';
import { type ClaimUse, unusedClaims } from '../claims/claims.ts';
import { deleteClaims } from './claim-writes.ts';
import type { Deps } from './deps.ts';
import type { SetMemory } from './memory.ts';
import { verifyUnused } from './verify.ts';

/** Pods that are not under control are not watched: whether one still mounts a claim is asked again after this. */
const HELD_MS = 30_000;

/**
 * Deletes claims nobody needs. What goes is decided from fresh reads, which are expensive: they are made at most every
 * `statusIntervalMs` for a set.
 * @returns after how long to look again; undefined when an event will tell
 */
export async function cleanUpClaims(
  deps: Deps,
  set: CollaSet,
  use: ClaimUse,
  memory: SetMemory,
): Promise<number | undefined> {
  const nowMs = deps.clock.monotonic();
  const unused = unusedClaims(set, use);
  const retryAtMs = (claim: PersistentVolumeClaim) => memory.heldClaims.get(claim.metadata.uid ?? '') ?? nowMs;
  const due = unused.filter((claim) => retryAtMs(claim) <= nowMs);
  const waits = unused.filter((claim) => !due.includes(claim)).map((claim) => retryAtMs(claim) - nowMs);
  if (due.length > 0) {
    const waitMs = memory.claimsCheckedMs + deps.settings.statusIntervalMs - nowMs;
    if (waitMs > 0) return waitMs;
    memory.claimsCheckedMs = nowMs;
    const { claims, held } = await verifyUnused(deps, set, { ...use, owned: due }, memory);
    for (const uid of memory.heldClaims.keys()) {
      if (!unused.some((claim) => claim.metadata.uid === uid)) memory.heldClaims.delete(uid);
    }
    for (const [claim, pod] of held) hold(deps, set, memory, { claim, pod, untilMs: nowMs + HELD_MS });
    await deleteClaims(deps, claims);
    if (held.size > 0) waits.push(HELD_MS);
  }
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

function hold(
  { recorder }: Deps,
  set: CollaSet,
  { heldClaims, toldClaims }: SetMemory,
  { claim, pod, untilMs }: { claim: PersistentVolumeClaim; pod: string; untilMs: number },
): void {
  const { uid = '', name } = claim.metadata;
  heldClaims.set(uid, untilMs);
  if (toldClaims.has(`${uid}/held`)) return;
  toldClaims.add(`${uid}/held`);
  recorder.normal(set, 'ClaimInUse', `claim ${name} is not needed any more and stays while Pod ${pod} mounts it`);
}
