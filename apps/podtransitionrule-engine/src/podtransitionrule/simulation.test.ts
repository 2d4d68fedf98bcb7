// However engines with late caches, a late coordinator and operations interleave, no more Pods are down than every budget
// allows, and no Pod waits for ever. Evidence for decisions 0005 and 0013.

import type { PodTransitionRule } from '@kuperator/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Engine, IDS, World } from '../test/rule-world.ts';
import { aRule, maxUnavailable, passedIn, requiresLabel } from '../test/samples.ts';

const WEIGHTS = {
  begin: 6,
  cancel: 1,
  renew: 1,
  grant: 3,
  finish: 5,
  remove: 1,
  create: 1,
  serve: 5,
  will: 4,
  see: 2,
  lag: 8,
  work: 8,
};
type Act = keyof typeof WEIGHTS;

/** One thing that happens. Numbers beyond what a world has mean what they are modulo that. */
const step = fc.record({
  act: fc.oneof(...Object.entries(WEIGHTS).map(([act, weight]) => ({ weight, arbitrary: fc.constant(act as Act) }))),
  pod: fc.nat({ max: 3 }),
  id: fc.constantFrom(...IDS),
  engine: fc.nat({ max: 1 }),
  object: fc.nat({ max: 2 }),
  /** How many Pod changes reach a cache, or how many writes ago a verdict was stored. */
  count: fc.nat({ max: 3 }),
  ages: fc.array(fc.nat({ max: 3 }), { minLength: 3, maxLength: 3 }),
  putOff: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const schedule = fc.array(step, { minLength: 50, maxLength: 200, size: 'max' });

describe('one rule object', () => {
  const aWorld = (guarded = true) =>
    new World({ rules: [aRule([maxUnavailable(1), requiresLabel('willing')])], podCount: 3, guarded });

  test('two engines with stale caches never let more Pods go down than the budget allows (T70, H8)', () => {
    const property = fc.property(schedule, (steps) => {
      const world = aWorld();
      for (const each of steps) {
        take(world, each);
        expect(world.down()).toBeLessThanOrEqual(1);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  /** The second engine has not seen p0 begin and be passed; p1 it has seen willing, which p1 no longer is. */
  function worldWithALaggingEngine(guarded: boolean): World {
    const world = aWorld(guarded);
    const [quick, slow] = world.engines;
    if (!quick || !slow) throw new Error('two engines expected');
    world.begin(1, 'update');
    world.seePods(slow, Number.POSITIVE_INFINITY);
    world.will(1, false);
    world.begin(0, 'update');
    work(world, quick);
    world.grant(0);
    world.seeRule(slow, 0);
    world.evaluate(slow, 0, false);
    world.grant(1);
    return world;
  }

  test('an engine that has not seen the use of the last pass gives no further pass (T70)', () => {
    expect(worldWithALaggingEngine(true).down()).toBe(1);
  });

  test('the same engine gives one if the status does not contain the Pod version (T70)', () => {
    expect(worldWithALaggingEngine(false).down()).toBe(2);
  });

  test('once the caches have caught up, every operation gets its turn', () => {
    expectEveryTurn(aWorld);
  });
});

describe('several rule objects over the same Pods (H4)', () => {
  const tier = (name: string, value: string, rules: PodTransitionRule['spec']['rules']) =>
    aRule([], { name, spec: { selector: { matchLabels: { tier: value } }, ...(rules ? { rules } : {}) } });
  /** All Pods are under two budgets: that of all, and that of their tier. */
  const aWorld = () =>
    new World({
      rules: [
        aRule([maxUnavailable(2)], { name: 'm-all' }),
        tier('a-even', 'even', [maxUnavailable(1), requiresLabel('willing')]),
        tier('z-odd', 'odd', [maxUnavailable(1)]),
      ],
      podCount: 4,
    });

  test('never let more Pods go down than each budget allows', () => {
    const property = fc.property(schedule, (steps) => {
      const world = aWorld();
      for (const each of steps) {
        take(world, each);
        expect(world.down()).toBeLessThanOrEqual(2);
        expect(world.down('even')).toBeLessThanOrEqual(1);
        expect(world.down('odd')).toBeLessThanOrEqual(1);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  test('never deadlock, whatever slots each gave before the caches caught up', () => {
    expectEveryTurn(aWorld);
    const two = [
      aRule([maxUnavailable(1), requiresLabel('willing')], { name: 'a' }),
      aRule([maxUnavailable(1)], { name: 'b' }),
    ];
    expectEveryTurn(() => new World({ rules: two, podCount: 2 }), 150);
  });

  test('two engines that would each choose a different Pod give both slots to the same Pod', () => {
    const rules = [
      aRule([maxUnavailable(1), requiresLabel('willing')], { name: 'a' }),
      aRule([maxUnavailable(1)], { name: 'b' }),
    ];
    const world = new World({ rules, podCount: 2 });
    const [first, second] = world.engines;
    if (!first || !second) throw new Error('two engines expected');
    world.begin(1, 'update');
    world.seePods(second, Number.POSITIVE_INFINITY);
    world.will(1, false);
    world.begin(0, 'update');
    world.seePods(first, Number.POSITIVE_INFINITY);
    const passes = () => world.histories.map((history) => passedIn(history.at(-1) ?? aRule([])));
    // The first knows that p1 is refused and gives a's slot to p0; the second knows of p1 alone.
    world.evaluate(first, 0, false);
    world.evaluate(second, 1, false);
    expect(passes()).toEqual([['p0'], []]);
    world.will(1, true);
    work(world, second, 1);
    expect(passes()).toEqual([['p0'], ['p0']]);
  });
});

describe('a slot held in vain, because the Pod is now under a second budget that stays used up', () => {
  /** p0 holds the slot of all, and has come under a budget of nothing; p1 waits for the slot of all. */
  function lockedWorld() {
    const nobody = aRule([], { name: 'z', spec: { selector: { matchLabels: { tier: 'none' } } } });
    const world = new World({ rules: [aRule([maxUnavailable(1)], { name: 'a' }), nobody], podCount: 2 });
    const [engine] = world.engines;
    if (!engine) throw new Error('an engine expected');
    world.begin(0, 'update');
    work(world, engine);
    world.edit(1, { selector: { matchLabels: { tier: 'even' } }, rules: [maxUnavailable(0)] });
    world.begin(1, 'update');
    const passAll = () => {
      for (const object of [1, 0, 1]) work(world, engine, object);
    };
    passAll();
    return { world, passAll };
  }
  const passes = (world: World) => world.histories.map((history) => passedIn(history.at(-1) ?? aRule([])));

  test('no other Pod gets the slot while a slow coordinator could still use it', () => {
    const { world, passAll } = lockedWorld();
    passAll();
    expect(passes(world)).toEqual([['p0'], []]);
    world.grant(0, [0, 1]);
    world.grant(1);
    expect(world.down()).toBeLessThanOrEqual(1);
  });

  test('when its operation begins another run, the next Pod gets the slot, and no earlier verdict applies', () => {
    const { world, passAll } = lockedWorld();
    world.renew(0);
    passAll();
    expect(passes(world)).toEqual([['p1'], []]);
    world.grant(1);
    expect(world.down()).toBe(1);
    for (let age = 0; age < 8; age++) for (let other = 0; other < 8; other++) world.grant(0, [age, other]);
    expect(world.down()).toBe(1);
  });

  test('the Pod is first in the queue again when there is room', () => {
    const { world, passAll } = lockedWorld();
    world.renew(0);
    world.edit(1, { selector: { matchLabels: { tier: 'even' } }, rules: [maxUnavailable(1)] });
    passAll();
    expect(passes(world)).toEqual([['p0'], ['p0']]);
  });
});

function work(world: World, engine: Engine, object = 0): void {
  for (const each of world.histories.keys()) world.seeRule(engine, each);
  world.seePods(engine, Number.POSITIVE_INFINITY);
  world.evaluate(engine, object, false);
}

function expectEveryTurn(make: () => World, numRuns = 30): void {
  const property = fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
    const world = make();
    for (const each of steps) take(world, each);
    for (let round = 0; round < 8 * world.podCount; round++) world.catchUp();
    expect([world.down(), world.isBusy()]).toEqual([0, false]);
  });
  fc.assert(property, { numRuns });
}

function take(world: World, { act, id, engine, count, putOff, ages, ...rest }: Step): void {
  const acting = world.engines[engine];
  if (!acting) return;
  const pod = rest.pod % world.podCount;
  const object = rest.object % world.histories.length;
  switch (act) {
    case 'begin':
    case 'cancel':
    case 'finish':
      world[act](pod, id);
      return;
    case 'remove':
    case 'create':
    case 'serve':
    case 'renew':
      world[act](pod);
      return;
    case 'grant':
      world.grant(pod, ages);
      return;
    case 'will':
      world.will(pod, putOff);
      return;
    case 'see':
      world.seePods(acting, count);
      return;
    case 'lag':
      // New rules are seen at once, Pods late: two watches are not equally fast. Other objects are as old as they are.
      world.seeRule(acting, object);
      world.seePods(acting, count);
      world.evaluate(acting, object, putOff);
      return;
    case 'work':
      // All goes well for once, up to the coordinator.
      for (const each of world.histories.keys()) world.seeRule(acting, each);
      world.seePods(acting, Number.POSITIVE_INFINITY);
      world.evaluate(acting, object, putOff);
      for (let each = 0; each < world.podCount; each++) world.grant(each);
      return;
  }
}
