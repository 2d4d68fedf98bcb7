// Runs passes only when the controller would queue the set, so that a test finds a missing wake-up.
import type { CollaSet, KubeObject } from '@kuperator/api';
import type { Change } from '@kuperator/runtime';
import { settled } from '@kuperator/testing';
import type { World } from './world.ts';

/** The back-off of the queue after a failed pass. */
const BACKOFF_MS = 1000;

/**
 * Runs a pass if an object of the set changed, the last pass failed, or the last pass asked for another one. Simulates the coordinator and
 * the kubelet in between. Ends when no pass is due.
 * @param isOver called after each pass. If it returns true, the run ends, for example because the replica has crashed.
 */
export async function runQueued(world: World, isOver: () => boolean = () => false, limit = 80): Promise<void> {
  const { replica, clock, key } = world;
  let woken = true;
  let dueMs = Number.POSITIVE_INFINITY;
  const wake = (change: Change<KubeObject>) => {
    woken ||= isNews(change);
  };
  const cleanups = Object.values(replica.caches).map((cache) => cache.onChange(wake));
  try {
    for (let round = 0; woken || Number.isFinite(dueMs); round++) {
      if (round > limit) throw new Error(`not settled after ${limit} rounds`);
      if (!woken) clock.advance(Math.max(0, dueMs - clock.monotonic()));
      woken = false;
      const { failures, requeueAfterMs = Number.POSITIVE_INFINITY } = await replica.attempt(key);
      dueMs = clock.monotonic() + (failures.length > 0 ? BACKOFF_MS : requeueAfterMs);
      world.checkInvariants();
      if (isOver()) return;
      world.others();
      await settled();
      clock.advance(10);
    }
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/** True if the controller queues the set for the change, see collaset/controller.ts. */
function isNews({ object, old, type }: Change<KubeObject>): boolean {
  if (object.kind !== 'CollaSet' || type !== 'updated') return true;
  const [now, before] = [object.metadata, (old as CollaSet | undefined)?.metadata];
  return (
    now.generation !== before?.generation ||
    now.deletionTimestamp !== before?.deletionTimestamp ||
    now.finalizers?.join() !== before?.finalizers?.join()
  );
}
