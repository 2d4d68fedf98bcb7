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
    name: 'room that a drain has just taken',
    under: budget(2),
    pods: [a, named('b', begun('pod-evict')), named('c')],
    pod: a,
    answer: 'no',
  },
  {
    name: 'room that another operation has taken',
    under: budget(2),
    pods: [a, named('b', granted('collaset', 'update')), named('c')],
    pod: a,
    answer: 'no',
  },
  {
    name: 'an operation that only waits',
    under: budget(1),
    pods: [a, named('b', begun('other'))],
    pod: a,
    answer: 'yes',
  },
  {
    name: 'room that an eviction has just taken',
    under: budget(1, { disruptedPods: { b: '2025-12-31T23:59:00Z' } }),
    pods: [a, named('b')],
    pod: a,
    answer: 'no',
  },
  {
    name: 'an eviction let through long ago',
    under: budget(1, { disruptedPods: { b: '2025-12-31T23:00:00Z' } }),
    pods: [a, named('b')],
    pod: a,
    answer: 'yes',
  },
  { name: 'an unready Pod, others enough', under: budget(1), pods: [unready, named('b')], pod: unready, answer: 'yes' },
  { name: 'an unready Pod, others too few', under: budget(2), pods: [unready, named('b')], pod: unready, answer: 'no' },
  {
    name: 'an unready Pod that may always go',
    under: budget(2, {}, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }),
    pods: [unready],
    pod: unready,
    answer: 'yes',
  },
  {
    name: 'the only Pod, none needed: drained, it could not be evicted',
    under: budget(0),
    pods: [a],
    pod: a,
    answer: 'delete',
  },
  {
    name: 'a budget not yet evaluated',
    under: { ...budget(0), metadata: { generation: 2 } },
    pods: [a],
    pod: a,
    answer: 'no',
  },
])('$name: $answer', ({ under, pods, pod, answer }) => {
  expect(evictionUnder(under, { pods, pod, nowMs: NOW_MS })).toBe(answer);
});
