// A running set, and the figures that the test suites of the Go implementation compare.
import { aSet } from './builders.ts';
import { template } from './scenarios.ts';
import { World } from './world.ts';

export async function running(replicas: number, spec: Parameters<typeof aSet>[0] = {}): Promise<World> {
  const world = new World(aSet({ template: template('app:v1'), replicas, ...spec }));
  await world.run();
  return world;
}

/** Replicas, ready, available and updated Pods in the status, and the number of active Pods. The Go implementation compares the same. */
export function tuple(world: World): readonly (number | undefined)[] {
  const { replicas, readyReplicas, availableReplicas, updatedReplicas } = world.set().status ?? {};
  return [replicas, readyReplicas, availableReplicas, updatedReplicas, world.active().length];
}
