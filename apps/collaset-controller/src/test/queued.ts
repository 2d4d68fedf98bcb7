// A set's passes as its controller would make them, so that a test finds what nobody would wake the set for.
import type { CollaSet, KubeObject } from '@kuperator/api';
import type { Change } from '@kuperator/runtime';
import { settled } from '@kuperator/testing';
import type { World } from './world.ts';

/** How long the queue holds a key back whose pass failed. */
const BACKOFF_MS = 1000;

/**
 * Makes a pass when something the set depends on changed, when the last one failed, and when it asked for one; everybody else's work
 * goes on between. Ends when no pass is due any more.
 * @param isOver asked after each pass; true ends it at once, e.g. because the replica has crashed
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

/** As in collaset/controller.ts: the status of a set is its own. */
function isNews({ object, old, type }: Change<KubeObject>): boolean {
  if (object.kind !== 'CollaSet' || type !== 'updated') return true;
  const [now, before] = [object.metadata, (old as CollaSet | undefined)?.metadata];
  return (
    now.generation !== before?.generation ||
    now.deletionTimestamp !== before?.deletionTimestamp ||
    now.finalizers?.join() !== before?.finalizers?.join()
  );
}
