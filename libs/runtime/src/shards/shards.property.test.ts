import { FakeClock } from '@kuperator/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LeaseServer, SimulatedMember, type Weather } from '../test/simulated-members.ts';

const KEYS = Array.from({ length: 12 }, (_, i) => `default/object-${i}`);
const TICK_MS = 25;

type Action = {
  afterMs: number;
  member: number;
  what: 'join' | 'leave' | 'crash' | 'pause' | 'resume';
};

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.record({
    // Often within a hand-over, sometimes beyond a Lease.
    afterMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 25_000 })),
    member: fc.integer({ min: 0, max: 3 }),
    what: fc.constantFrom('join', 'join', 'leave', 'crash', 'pause', 'pause', 'resume', 'resume'),
  }),
  { minLength: 3, maxLength: 14 },
);

const scenario = fc.record({
  actions,
  seed: fc.integer(),
  rates: fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 4, maxLength: 4 }),
  badWeather: fc.double({ min: 0, max: 0.3, noNaN: true }),
  watches: fc.boolean(),
});

/** A reproducible stream of numbers in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('no two members ever work on the same key, and every key gets an owner', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ actions, seed, rates, badWeather, watches }) => {
      const random = randomOf(seed);
      const time = new FakeClock();
      const server = new LeaseServer();
      let calm = false;
      const weather = (): Weather => {
        const roll = calm ? 1 : random();
        const slow = roll < badWeather;
        return {
          thereMs: slow ? random() * 20_000 : random() * 30,
          backMs: slow ? random() * 8000 : random() * 30,
          fate: roll < badWeather / 4 ? 'lost' : roll < badWeather / 2 ? 'answer lost' : 'arrives',
        };
      };
      const members: SimulatedMember[] = [];
      const current = new Map<number, SimulatedMember>();
      // Not awaited: the start of a member that crashes never ends. A failure ends the run by itself.
      const running: (Promise<void> | undefined)[] = [];
      let generation = 0;

      const pass = (ms: number) => random() < 0.5 && ms > 0;
      async function elapse(ms: number): Promise<void> {
        for (let rest = ms; rest > 0; rest -= TICK_MS) {
          for (const member of members) for (const key of KEYS) if (pass(rest)) member.work(key, random() * 1200);
          await time.advanceAsync(Math.min(rest, TICK_MS));
          const acting = members.flatMap((member) => member.acting());
          expect(new Set(acting).size, `at ${time.monotonic()}: ${acting}`).toBe(acting.length);
        }
      }

      for (const { afterMs, member: index, what } of actions) {
        await elapse(afterMs);
        const member = current.get(index);
        if (what === 'join' && !member?.alive) {
          // A replica that comes back has the name it had, or a new one.
          const identity = random() < 0.5 ? `replica-${index}` : `replica-${index}-${++generation}`;
          if (
            members.some(
              (other) => other.alive && other.shards.members().includes(identity) && identity === `replica-${index}`,
            )
          )
            continue;
          const joined = new SimulatedMember({ identity, time, server, rate: rates[index] ?? 1, weather, watches });
          members.push(joined);
          current.set(index, joined);
          running.push(joined.shards.start());
        } else if (what === 'leave') running.push(member?.leave());
        else if (what === 'crash') member?.crash();
        else if (what === 'pause') member?.pause();
        else if (what === 'resume') member?.resume();
      }

      calm = true;
      for (const member of members) member.resume();
      await elapse(60_000);
      const alive = members.filter((member) => member.alive);
      for (const key of KEYS) {
        const owners = alive.filter((member) => member.shards.owns(key));
        expect(owners.length, `${key} among ${alive.length}`).toBe(alive.length > 0 ? 1 : 0);
      }
      for (const member of members) member.crash();
    }),
    { numRuns: Number(process.env.SHARDS_RUNS ?? 30), endOnFailure: true },
  );
});
