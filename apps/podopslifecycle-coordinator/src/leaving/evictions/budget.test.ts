import type { Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import type { PodDisruptionBudget } from '../../resources.ts';
import { aServingPod, begun, granted, NOW_MS } from '../../test/leaving-pods.ts';
import { evictionUnder } from './budget.ts';

function budget(
  desiredHealthy: number,
  more: object = {},
  spec: PodDisruptionBudget['spec'] = {},
): PodDisruptionBudget {
  return { metadata: { generation: 1 }, spec, status: { observedGeneration: 1, desiredHealthy, ...more } };
}

const named = (name: string, labels = {}, ready = true): Pod => aServingPod({ ready, metadata: { name, labels } });
const a = named('a');
const unready = named('a', {}, false);

test.each([
  { name: 'room for one', under: budget(1), pods: [a, named('b')], pod: a, answer: 'yes' },
  { name: 'no room', under: budget(2), pods: [a, named('b')], pod: a, answer: 'no' },
  {
    name: 'room that another drain uses already',
    under: budget(2),
    pods: [a, named('b', begun('pod-evict')), named('c')],
    pod: a,
    answer: 'no',
  },
  {
    name: 'room that another operation uses',
    under: budget(2),
    pods: [a, named('b', granted('collaset', 'update')), named('c')],
    pod: a,
    answer: 'no',
  },
  {
    name: 'room beside an operation that still waits in PreCheck',
    under: budget(1),
    pods: [a, named('b', begun('other'))],
    pod: a,
    answer: 'yes',
  },
  {
    name: 'room that an eviction uses already',
    under: budget(1, { disruptedPods: { b: '2025-12-31T23:59:00Z' } }),
    pods: [a, named('b')],
    pod: a,
    answer: 'no',
  },
  {
    name: 'room beside an eviction that was allowed long ago',
    under: budget(1, { disruptedPods: { b: '2025-12-31T23:00:00Z' } }),
    pods: [a, named('b')],
    pod: a,
    answer: 'yes',
  },
  {
    name: 'an unready Pod beside enough healthy ones',
    under: budget(1),
    pods: [unready, named('b')],
    pod: unready,
    answer: 'yes',
  },
  {
    name: 'an unready Pod beside too few healthy ones',
    under: budget(2),
    pods: [unready, named('b')],
    pod: unready,
    answer: 'no',
  },
  {
    name: 'an unready Pod under the policy AlwaysAllow',
    under: budget(2, {}, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }),
    pods: [unready],
    pod: unready,
    answer: 'yes',
  },
  {
    name: 'the only Pod, of which none is needed, because it could not be evicted once it is drained',
    under: budget(0),
    pods: [a],
    pod: a,
    answer: 'delete',
  },
  {
    name: 'a budget that is not evaluated yet',
    under: { ...budget(0), metadata: { generation: 2 } },
    pods: [a],
    pod: a,
    answer: 'no',
  },
])('$name: $answer', ({ under, pods, pod, answer }) => {
  expect(evictionUnder(under, { pods, pod, nowMs: NOW_MS })).toBe(answer);
});
