// In every scenario, every write fails once in every possible way, and the replica survives or crashes. The set must reach the same result.
// At no time may there be a surplus Pod, and no Pod may be deleted without permission.
import {
  CONTROLLER_REVISIONS,
  DELETE_OPERATION_TYPE,
  isTerminating,
  type Key,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  POD_DELETE_OPERATION_ID,
  PODS,
  RESOURCE_CONTEXTS,
} from '@kuperator/api';
import { isPermitted } from '@kuperator/lifecycle';
import type { Fault, Write } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { movingScenarios } from '../test/moving-scenarios.ts';
import { runQueued } from '../test/queued.ts';
import { reclaimingScenarios } from '../test/reclaiming-scenarios.ts';
import { begin, checkEnd, moreScenarios, type Scenario, scenarios } from '../test/scenarios.ts';
import type { World } from '../test/world.ts';

const answered = (status: number, reason: string, times = 1) => ({
  times,
  error: { status, reason, retryAfterSeconds: 1 },
});

type Failure = { name: string; fault: Omit<Fault, 'nth'>; isGone?: true };

const failures: readonly Failure[] = [
  { name: '404 for something else, e.g. the namespace', fault: { ...answered(404, 'NotFound'), verb: 'create' } },
  { name: '404, because another client deleted it', fault: answered(404, 'NotFound'), isGone: true },
  { name: '409', fault: answered(409, 'Conflict') },
  { name: '409, as the name is taken', fault: { ...answered(409, 'AlreadyExists'), verb: 'create' } },
  { name: '422', fault: answered(422, 'Invalid') },
  { name: '429 with Retry-After, until the client gives up', fault: answered(429, 'TooManyRequests', 10) },
  { name: '500', fault: answered(500, 'InternalError') },
  { name: 'the connection is cut before it took effect', fault: { error: 'connection' } },
  { name: 'the connection is cut after it took effect', fault: { error: 'connection', takesEffect: true } },
];

const RESOURCES = [PODS, CONTROLLER_REVISIONS, RESOURCE_CONTEXTS];

/** Watches every creation and deletion of Pods. */
class Witness {
  readonly complaints: string[] = [];
  readonly #world: World;
  readonly #vanished = new Set<Key>();

  constructor(world: World, { ids, most: allowed = 0 }: Scenario) {
    this.#world = world;
    const most = Math.max(2, ids.length, allowed);
    const pods = world.cluster.informer(PODS);
    pods.onChange(({ type, key, object, old = object }) => {
      const active = pods.list().filter((pod) => !isTerminating(pod)).length;
      if (active > most) this.complaints.push(`${active} Pods where ${most} were asked for`);
      if (type !== 'deleted' || this.#vanished.has(key)) return;
      const isAsked = ['scale-in', 'update'].some((operation) => isPermitted(old, 'collaset', operation));
      const mayGo = isAsked || isPermitted(old, POD_DELETE_OPERATION_ID, DELETE_OPERATION_TYPE);
      if (!mayGo) this.complaints.push(`${key} was deleted without a permission`);
    });
  }

  /** Deletes the object that is about to be written, except the set and claims in use, whose data could not be recreated. */
  vanish({ verb, resource, namespace, name }: Write): void {
    const kinds = verb === 'delete' ? [...RESOURCES, PERSISTENT_VOLUME_CLAIMS] : RESOURCES;
    const kind = kinds.find(({ plural }) => plural === resource);
    if (!kind) return;
    const key = keyOf({ metadata: { namespace: namespace ?? '', name: name ?? '' } });
    this.#vanished.add(key);
    this.#world.cluster.remove(kind, key);
  }
}

const undisturbed = new Map<Scenario, readonly Write[]>();

async function writesOf(scenario: Scenario): Promise<readonly Write[]> {
  const known = undisturbed.get(scenario);
  if (known) return known;
  const world = await begin(scenario);
  await runQueued(world);
  checkEnd(world, scenario);
  undisturbed.set(scenario, world.cluster.writes);
  return world.cluster.writes;
}

/** The number of writes that can fail in this way. */
async function countWrites(scenario: Scenario, { verb }: Failure['fault']): Promise<number> {
  const writes = await writesOf(scenario);
  return writes.filter((write) => verb === undefined || write.verb === verb).length;
}

type Disturbance = {
  readonly failure: Failure;
  /** Number of the write that fails. */
  readonly nth: number;
  /** True if the replica crashes with the write. */
  readonly crashes: boolean;
};

async function runWith(scenario: Scenario, { failure, nth, crashes }: Disturbance): Promise<void> {
  const { fault, isGone } = failure;
  const world = await begin(scenario);
  const { cluster } = world;
  const witness = new Witness(world, scenario);
  let failed: Write | undefined;
  const before = (write: Write) => {
    failed ??= write;
    if (isGone) witness.vanish(write);
    // After the crash, no write of the replica reaches the API server.
    if (crashes) cluster.failWrite({ times: 1_000_000, error: 'connection' });
  };
  cluster.failWrite({ ...fault, nth, before });
  try {
    if (crashes) {
      await runQueued(world, () => failed !== undefined);
      cluster.healWrites();
      world.restart();
    }
    await runQueued(world);
    checkEnd(world, scenario);
    expect(witness.complaints).toEqual([]);
  } catch (error) {
    const { verb, resource, subresource = '' } = failed ?? {};
    throw new Error(`write ${nth}, ${verb} ${resource} ${subresource}`, { cause: error });
  }
}

// If somebody deletes the Pod, it is not replaced or moved any more, so these scenarios have another result.
const withoutDeletion = failures.filter(({ isGone }) => !isGone);

describe.each([...movingScenarios, ...reclaimingScenarios])('$name completes', (scenario) => {
  test.each(withoutDeletion)('if any write fails: $name', async (failure) => {
    const total = await countWrites(scenario, failure.fault);
    for (let nth = 1; nth <= total; nth++) await runWith(scenario, { failure, nth, crashes: false });
  });

  test.each(
    withoutDeletion.filter(({ fault }) => fault.error === 'connection'),
  )('whichever write is the last of its replica: $name', async (failure) => {
    const total = await countWrites(scenario, failure.fault);
    for (let nth = 1; nth <= total; nth++) await runWith(scenario, { failure, nth, crashes: true });
  });
});

describe.each([...scenarios, ...moreScenarios])('$name completes', (scenario) => {
  test.each(failures)('if any write fails: $name', async (failure) => {
    const total = await countWrites(scenario, failure.fault);
    for (let nth = 1; nth <= total; nth++) await runWith(scenario, { failure, nth, crashes: false });
  });

  // For a crashed replica, every other failure is the same as a write without effect.
  test.each(
    failures.filter(({ fault, isGone }) => isGone || fault.error === 'connection'),
  )('whichever write is the last of its replica: $name', async (failure) => {
    const total = await countWrites(scenario, failure.fault);
    for (let nth = 1; nth <= total; nth++) await runWith(scenario, { failure, nth, crashes: true });
  });
});
