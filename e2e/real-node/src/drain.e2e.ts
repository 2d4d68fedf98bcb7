// Two nodes, drained in turn.
import { afterEach, expect, test } from 'vitest';
import { environment } from './environment.ts';
import { nodeName, startNode } from './nodes.ts';
import { expectNothingLost, measure } from './operation.ts';
import { stage } from './stage.ts';

const on = stage();

afterEach(async () => {
  await on.finish();
});

test('two nodes are drained in turn', async () => {
  const { cgroup, archives } = environment();
  await startNode({ cluster: on.cluster, number: 2, cgroup, archives });
  const application = await on.deploy({ name: 'drain', replicas: 4 });
  const measured = await measure('drain of two nodes', { cluster: on.cluster, application }, async (round) => {
    const node = nodeName((round % 2) + 1);
    const selected = `--pod-selector=app=${application.name}`;
    await on.cluster.kubectl(['drain', node, selected, '--timeout=100s']);
    await application.serves();
    expect(application.pods().filter(({ spec }) => spec.nodeName === node)).toEqual([]);
    await on.cluster.kubectl(['uncordon', node]);
  });
  expectNothingLost(measured);
});
