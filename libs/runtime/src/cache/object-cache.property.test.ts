import type { Pod } from '@kuperator/api';
import { aPod } from '@kuperator/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ObjectCache } from './object-cache.ts';

type Step = 'create' | 'update' | 'delete';
type Happening = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Pod };

/** What happened to one name in the API server, in order, one version each. */
function historyOf(steps: readonly Step[]): Happening[] {
  const history: Happening[] = [];
  let uid: string | undefined;
  for (const step of steps) {
    const version = history.length + 1;
    if ((step === 'create') === (uid !== undefined)) continue;
    if (step === 'create') uid = `uid-${version}`;
    const type = step === 'create' ? 'ADDED' : step === 'update' ? 'MODIFIED' : 'DELETED';
    history.push({ type, object: aPod({ metadata: { name: 'web', uid, resourceVersion: String(version) } }) });
    if (step === 'delete') uid = undefined;
  }
  return history;
}

/** State of the name after the first `count` happenings. */
function stateAfter(history: readonly Happening[], count: number): Pod | undefined {
  const last = history[count - 1];
  return last && last.type !== 'DELETED' ? last.object : undefined;
}

test('with responses, watch events and relists in any order, never goes back to an older state and is correct in the end', () => {
  const steps = fc.array(fc.constantFrom<Step>('create', 'update', 'update', 'delete'), {
    minLength: 1,
    maxLength: 14,
  });
  // What reaches the cache next: the watch's next event, an answer to some write, or a relist.
  const arrivals = fc.array(fc.tuple(fc.constantFrom('watch', 'watch', 'answer', 'relist'), fc.nat(20)), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, arrivals, (steps, arrivals) => {
      const history = historyOf(steps);
      const held = new Map<string, number>();
      const cache = new ObjectCache<Pod>({
        emit: ({ type, object, old }) => {
          const uid = object.metadata.uid ?? '';
          const version = Number(object.metadata.resourceVersion);
          expect(held.has(uid), `${type} of ${uid}`).toBe(type !== 'added');
          if (type === 'updated') expect(version).toBeGreaterThan(Number(old?.metadata.resourceVersion));
          if (type === 'deleted') held.delete(uid);
          else held.set(uid, version);
          expect(held.size, 'incarnations of one name').toBeLessThanOrEqual(1);
        },
      });
      cache.replace([], '0');
      let watched = 0;
      let known = 0;
      const deliver = () => {
        const event = history[watched];
        if (event) cache.apply(event.type, event.object);
        watched = Math.min(history.length, watched + 1);
      };
      for (const [what, n] of arrivals) {
        if (what === 'watch') deliver();
        else if (what === 'relist') {
          // A new watch starts at the list; it is never older than what the last one has delivered.
          watched = Math.min(history.length, watched + (n % 3));
          const state = stateAfter(history, watched);
          cache.replace(state ? [state] : [], String(watched));
        } else {
          const index = n % history.length;
          const answered = history[index];
          if (!answered) continue;
          if (answered.type === 'DELETED') cache.observeGone('default/web', answered.object.metadata.uid ?? '');
          else cache.observe(answered.object);
          known = Math.max(known, index + 1);
        }
        known = Math.max(known, watched);
        // Nothing shown is older than the newest state that reached us, for the same incarnation.
        const shown = cache.get('default/web');
        const newest = stateAfter(history, known);
        if (newest && shown?.metadata.uid === newest.metadata.uid) expect(shown).toEqual(newest);
      }
      while (watched < history.length) deliver();
      expect(cache.get('default/web')).toEqual(stateAfter(history, history.length));
    }),
    { numRuns: 500 },
  );
});
