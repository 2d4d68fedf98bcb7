// Scale-ins while the caches may be stale, on the in-memory cluster.
import { expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { World } from '../test/world.ts';

test('no Pod is deleted for a scale-in while the cache of sets may be old; the set says so, and it goes on by itself', async () => {
  const world = new World(aSet({ replicas: 3 }));
  await world.run();
  world.edit({ replicas: 2 });
  world.replica.caches.sets.setCurrent(false);
  for (let round = 0; round < 10; round++) {
    await world.pass();
    world.others();
    world.clock.advance(1000);
  }
  expect(world.active()).toHaveLength(3);
  expect(world.replica.notes.filter((note) => note.startsWith('CacheNotCurrent'))).toEqual([
    'CacheNotCurrent: the scale-in deletes no Pod, because the collaset-controller cannot tell whether its cache of collasets is current',
  ]);
  world.replica.caches.sets.setCurrent(true);
  await world.run();
  expect(world.active()).toHaveLength(2);
});
