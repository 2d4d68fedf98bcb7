import fc from 'fast-check';
import { IDS, type World } from './rule-world.ts';

const WEIGHTS = {
  begin: 6,
  cancel: 1,
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
export const step = fc.record({
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
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export function take(world: World, { act, id, engine, count, putOff, ages, ...rest }: Step): void {
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
