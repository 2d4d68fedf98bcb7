// A set that runs, and what the suites of the Go implementation compare of it.
import { aSet } from './builders.ts';
import { template } from './scenarios.ts';
import { World } from './world.ts';

export async function running(replicas: number, spec: Parameters<typeof aSet>[0] = {}): Promise<World> {
  const world = new World(aSet({ template: template('app:v1'), replicas, ...spec }));
  await world.run();
  return world;
}

/** What upstream's helper compares: replicas, ready, available, updated, Pods of the set that are not terminating. */
export function tuple(world: World): readonly (number | undefined)[] {
  const { replicas, readyReplicas, availableReplicas, updatedReplicas } = world.set().status ?? {};
  return [replicas, readyReplicas, availableReplicas, updatedReplicas, world.active().length];
}
