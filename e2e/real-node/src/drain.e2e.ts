// Drains two nodes in turn.
import { expect, test } from 'vitest';
import { environment } from './environment.ts';
import { nodeName, startNode } from './nodes.ts';
import { operate } from './rolls.ts';
import { stage } from './stage.ts';

const on = stage();

test('two nodes are drained in turn', async () => {
  const { cgroup, archives } = environment();
  await startNode({ cluster: on.cluster, number: 2, cgroup, archives });
  await operate(on, { title: 'drain of two nodes', name: 'drain' }, async ({ application, round }) => {
    const node = nodeName((round % 2) + 1);
    await on.cluster.kubectl(['drain', node, `--pod-selector=app=${application.name}`, '--timeout=100s']);
    await application.serves();
    expect(application.pods().filter(({ spec }) => spec.nodeName === node)).toEqual([]);
    await on.cluster.kubectl(['uncordon', node]);
  });
});
