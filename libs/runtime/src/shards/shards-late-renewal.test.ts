import { FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { LeaseServer, type LeaseVerb, SimulatedMember, type Weather } from '../test/simulated-members.ts';

const KEYS = Array.from({ length: 8 }, (_, i) => `default/object-${i}`);
const GOOD: Weather = { thereMs: 5, backMs: 5, fate: 'arrives' };
const LOST: Weather = { ...GOOD, fate: 'lost' };
const SLOW: Weather = { thereMs: 4500, backMs: 100, fate: 'arrives' };

// The window is narrow: the renewal must be sent before the other member takes over and arrive after it, and the other
// must fail to remove the Lease it believes dead.
test('a renewal that arrives after the keys were taken over does not bring them back', async () => {
  for (let outageMs = 10_000; outageMs < 20_000; outageMs += 500) {
    const time = new FakeClock();
    const server = new LeaseServer();
    let weatherOfA = (_: LeaseVerb): Weather => GOOD;
    const member = (identity: string, weather: (verb: LeaseVerb) => Weather) =>
      new SimulatedMember({ identity, time, server, rate: 1, weather, watches: false });
    const a = member('a', (verb) => weatherOfA(verb));
    const b = member('b', (verb) => (verb === 'remove' ? LOST : GOOD));
    const elapse = async (ms: number) => {
      for (let rest = ms; rest > 0; rest -= 50) {
        await time.advanceAsync(50);
        const both = KEYS.filter((key) => a.shards.owns(key) && b.shards.owns(key));
        expect(both, `outage of ${outageMs} ms, at ${time.monotonic()}`).toEqual([]);
      }
    };
    await a.shards.start();
    await b.shards.start();
    await elapse(7000);
    expect(KEYS.filter((key) => a.shards.owns(key)).length).toBeGreaterThan(0);
    weatherOfA = () => LOST;
    await elapse(outageMs);
    weatherOfA = (verb) => (verb === 'write' ? SLOW : GOOD);
    await elapse(12_000);
    weatherOfA = () => GOOD;
    await elapse(20_000);
    for (const key of KEYS) expect([a, b].filter((each) => each.shards.owns(key))).toHaveLength(1);
    a.crash();
    b.crash();
  }
});

// Events for keys that are not owned are dropped: whoever owns them again must be told, or they wait for the next resync.
test('keys that return with a late renewal are announced, even if the shards are unchanged', async () => {
  for (let outageMs = 1000; outageMs < 12_000; outageMs += 500) {
    const time = new FakeClock();
    let weatherOfA = (_: LeaseVerb): Weather => GOOD;
    const weather = (verb: LeaseVerb) => weatherOfA(verb);
    const a = new SimulatedMember({ identity: 'a', time, server: new LeaseServer(), rate: 1, weather, watches: false });
    let told = false;
    a.shards.onChange(() => {
      told = true;
    });
    let owned = false;
    const elapse = async (ms: number) => {
      for (let rest = ms; rest > 0; rest -= 50) {
        await time.advanceAsync(50);
        const owns = a.shards.owns('default/object');
        if (owns && !owned) expect(told, `outage of ${outageMs} ms, at ${time.monotonic()}`).toBe(true);
        if (owned && !owns) told = false;
        owned = owns;
      }
    };
    await a.shards.start();
    await elapse(7000);
    weatherOfA = (verb) => (verb === 'write' ? LOST : GOOD);
    await elapse(outageMs);
    weatherOfA = (verb) => (verb === 'write' ? SLOW : GOOD);
    await elapse(12_000);
    weatherOfA = () => GOOD;
    await elapse(10_000);
    expect(owned).toBe(true);
    a.crash();
  }
});
