import { COLLA_SETS, type CollaSet, type CollaSetStatus } from '@kuperator/api';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import type { Deps } from '../act/deps.ts';

import { setCache } from '../caches.ts';
import { newTellMemory } from './memory.ts';
import { type PassEnd, writeStatus } from './status-writes.ts';

const KEY = 'default/web';

/** A set whose passes write the given statuses, with a fake clock. */
function aWriter() {
  const clock = new FakeClock();
  const cluster = new InMemoryCluster({ clock });
  const sets = cluster.informer(COLLA_SETS, setCache);
  cluster.add(COLLA_SETS, aSet({ replicas: 10 }));
  const deps = {
    clock,
    sets,
    client: cluster.client,
    metrics: { wrote: () => {} },
    settings: { statusIntervalMs: 1000 },
  } as unknown as Deps;
  const stored = () => sets.get(KEY) as CollaSet;
  const memory = newTellMemory();
  const write = (status: CollaSetStatus, end: PassEnd = 'under-way') =>
    writeStatus(deps, stored(), { status, end, memory });
  const writes = () => cluster.writes.filter(({ subresource }) => subresource === 'status').length;
  return { clock, write, writes, stored };
}

const INITIAL = { observedGeneration: 1, updatedRevision: 'web-2', availableReplicas: 10, operatingReplicas: 0 };
const available = (status: 'True' | 'False') =>
  [{ type: 'Available', status, reason: `Replicas${status}`, message: '' }] as CollaSetStatus['conditions'] & {};

/** The statuses during the update of one Pod, starting when the previous Pod is available again. */
const TURN: readonly { atMs: number; change: CollaSetStatus }[] = [
  { atMs: 0, change: { availableReplicas: 10, operatingReplicas: 0, conditions: available('True') } },
  { atMs: 30, change: { operatingReplicas: 1 } },
  { atMs: 90, change: { availableReplicas: 9, conditions: available('False') } },
  { atMs: 130, change: { readyReplicas: 9 } },
  { atMs: 1700, change: { updatedReplicas: 1 } },
  { atMs: 3200, change: { readyReplicas: 10 } },
  { atMs: 3300, change: { updatedReadyReplicas: 1 } },
];
const TURN_MS = 5000;

test('writes at most once a second during a slow rollout, less often for bursts of changes, and the final counts at the end', async () => {
  const { clock, write, writes, stored } = aWriter();
  await write(INITIAL);
  let status: CollaSetStatus = INITIAL;
  let dueMs = Number.POSITIVE_INFINITY;
  const before = writes();
  const turns = 10;
  for (let atMs = 0; atMs < turns * TURN_MS; atMs += 10) {
    const step = TURN.find((each) => each.atMs === atMs % TURN_MS);
    if (step) status = { ...status, ...step.change, updatedReplicas: Math.floor(atMs / TURN_MS) };
    if (step || clock.monotonic() >= dueMs) {
      const waitMs = await write(status);
      dueMs = waitMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + waitMs;
    }
    clock.advance(10);
  }
  expect((writes() - before) / turns).toBeLessThanOrEqual(3);
  await write({ ...status, updatedReplicas: 10, operatingReplicas: 0 }, 'settled');
  expect(stored().status).toMatchObject({ updatedReplicas: 10, operatingReplicas: 0 });
});

test('writes continuous changes once a second', async () => {
  const { clock, write, writes } = aWriter();
  await write(INITIAL);
  const before = writes();
  for (let at = 0; at < 1000; at++) {
    await write({ ...INITIAL, availableReplicas: at, conditions: available(at % 2 ? 'True' : 'False') });
    clock.advance(10);
  }
  expect(writes() - before).toBeLessThanOrEqual(10);
  expect(writes() - before).toBeGreaterThanOrEqual(8);
});

test.each<{ name: string; status: CollaSetStatus; end?: PassEnd }>([
  { name: 'a generation that was seen', status: { ...INITIAL, observedGeneration: 2 } },
  { name: 'another revision', status: { ...INITIAL, updatedRevision: 'web-3' } },
  { name: 'the last figures of a set that has settled', status: { ...INITIAL, availableReplicas: 9 }, end: 'settled' },
  { name: 'why a pass failed', status: { ...INITIAL, conditions: available('False') }, end: 'failed' },
])('$name: writes immediately', async ({ status, end }) => {
  const { write, writes } = aWriter();
  await write(INITIAL);
  const before = writes();
  expect(await write(status, end)).toBeUndefined();
  expect(writes()).toBe(before + 1);
});

test('does not write a change that was reverted before it was written', async () => {
  const { clock, write, writes } = aWriter();
  await write(INITIAL);
  clock.advance(5000);
  const before = writes();
  expect(await write({ ...INITIAL, operatingReplicas: 1 })).toBe(500);
  clock.advance(200);
  expect(await write(INITIAL)).toBeUndefined();
  clock.advance(5000);
  expect(await write({ ...INITIAL, operatingReplicas: 1 })).toBe(500);
  expect(writes()).toBe(before);
});
