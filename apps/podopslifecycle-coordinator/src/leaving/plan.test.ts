import {
  CLUSTER_NEEDS_ANNOTATION,
  DELETE_AT_ONCE_ANNOTATION,
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  type ObjectMeta,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { expect, test } from 'vitest';
import { aServingPod, begun, granted, NOW_MS, nanosAt } from '../test/leaving-pods.ts';
import { planLeaving, type Step } from './plan.ts';

const mark = { [TO_DELETE_LABEL]: '1' };
const LIMITS = { evictionMs: 120_000, clusterNeedsMs: 60_000 };
const neededFor = (ms: number) => ({ [CLUSTER_NEEDS_ANNOTATION]: nanosAt(NOW_MS - ms) });
const askedAgo = (ms: number) => ({ [DELETION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS - ms) });
const evictionAskedAgo = (ms: number) => ({ [EVICTION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS - ms) });

test.each<{ name: string; metadata: ObjectMeta; step: Step }>([
  { name: 'an ordinary Pod is left alone', metadata: {}, step: { do: 'nothing' } },
  { name: 'the drain of a marked Pod begins', metadata: { labels: mark }, step: { do: 'begin' } },
  {
    name: 'a marked Pod waits for permission',
    metadata: { labels: { ...mark, ...begun('pod-delete') } },
    step: { do: 'nothing' },
  },
  {
    name: 'a permitted Pod is deleted',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') } },
    step: { do: 'delete' },
  },
  {
    name: 'a permitted Pod is left to the client that asked for its deletion',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(10_000) },
    step: { do: 'wait', ms: 1000 },
  },
  {
    name: 'a client that was told when to come back is awaited until then',
    metadata: {
      labels: { ...mark, ...granted('pod-delete', 'delete', NOW_MS - 50_000) },
      annotations: askedAgo(5000),
    },
    step: { do: 'wait', ms: 15_000 },
  },
  {
    name: 'a client that was told to come back at once, and did not, is not awaited (T101)',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(11_000) },
    step: { do: 'delete' },
  },
  {
    name: 'a client that does not come back does not delay the deletion of a permitted Pod',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(40_000) },
    step: { do: 'delete' },
  },
  {
    name: 'a time from a clock ahead of ours does not delay it either',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(-3_600_000) },
    step: { do: 'delete' },
  },
  {
    name: 'permission for another operation is not enough: the rules decide about this one',
    metadata: { labels: { ...mark, ...granted('collaset', 'update') } },
    step: { do: 'begin' },
  },
  {
    name: 'a Pod that its CollaSet scales in is left to the CollaSet',
    metadata: { labels: { ...mark, ...granted('collaset', 'scale-in') } },
    step: { do: 'nothing' },
  },
  {
    name: 'of two operations that remove the Pod, the one of the coordinator goes on',
    metadata: { labels: { ...mark, ...granted('collaset', 'scale-in'), ...granted('pod-delete', 'delete') } },
    step: { do: 'delete' },
  },
  {
    name: 'a Pod that may be deleted at once is deleted',
    metadata: { labels: mark, annotations: { [DELETE_AT_ONCE_ANNOTATION]: 'true' } },
    step: { do: 'delete' },
  },
  {
    name: 'the drain is cancelled when the mark is removed',
    metadata: { labels: begun('pod-delete') },
    step: { do: 'cancel', departure: 'delete' },
  },
  {
    name: 'a permitted drain is cancelled as well when the mark is removed',
    metadata: { labels: granted('pod-delete', 'delete') },
    step: { do: 'cancel', departure: 'delete' },
  },
  {
    name: 'the drain for an eviction goes on while its client comes back',
    metadata: { labels: granted('pod-evict', 'delete'), annotations: evictionAskedAgo(100_000) },
    step: { do: 'wait', ms: 20_000 },
  },
  {
    name: 'the drain for an eviction that no client asks for any more is cancelled',
    metadata: { labels: granted('pod-evict', 'delete'), annotations: evictionAskedAgo(120_000) },
    step: { do: 'cancel', departure: 'evict' },
  },
  {
    name: 'a request to evict that had no room is removed',
    metadata: { annotations: evictionAskedAgo(120_000) },
    step: { do: 'cancel', departure: 'evict' },
  },
  {
    name: 'a Pod whose place the cluster needs is drained first',
    metadata: { labels: mark, annotations: neededFor(0) },
    step: { do: 'begin' },
  },
  {
    name: 'a Pod whose place the cluster needs waits for its rules',
    metadata: { labels: { ...mark, ...begun('pod-delete') }, annotations: neededFor(20_000) },
    step: { do: 'wait', ms: 40_000 },
  },
  {
    name: 'a Pod whose place the cluster has needed for the whole time is deleted, even if it is not drained',
    metadata: { labels: { ...mark, ...begun('pod-delete') }, annotations: neededFor(60_000) },
    step: { do: 'let-go', neededSinceMs: NOW_MS - 60_000 },
  },
  {
    name: 'such a Pod no longer waits for the scale-in of its CollaSet either',
    metadata: { labels: { ...mark, ...granted('collaset', 'scale-in') }, annotations: neededFor(60_000) },
    step: { do: 'let-go', neededSinceMs: NOW_MS - 60_000 },
  },
  {
    name: 'such a Pod is deleted as soon as it is permitted',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: neededFor(1000) },
    step: { do: 'delete' },
  },
  {
    name: 'the annotation alone does nothing to a Pod that is not marked',
    metadata: { annotations: neededFor(60_000) },
    step: { do: 'nothing' },
  },
  {
    name: 'a terminating Pod is left alone',
    metadata: { labels: mark, deletionTimestamp: '2026-01-01T00:00:00Z' },
    step: { do: 'nothing' },
  },
  {
    name: 'a Pod that is not controlled is left alone (T86)',
    metadata: { labels: { ...mark, 'kusionstack.io/control': 'false' } },
    step: { do: 'nothing' },
  },
])('$name', ({ metadata, step }) => {
  expect(planLeaving(aServingPod({ metadata }), NOW_MS, LIMITS)).toEqual(step);
});

test('a Pod without the gate is still deleted by an operation, so that the rules decide (T84)', () => {
  const pod = aServingPod({ metadata: { labels: mark }, spec: { readinessGates: [] } });
  expect(planLeaving(pod, NOW_MS, LIMITS)).toEqual({ do: 'begin' });
});

test('a Pod that the cluster has disrupted is deleted in time even if a tenant removes its mark and annotation', () => {
  const lastTransitionTime = new Date(NOW_MS - 60_000).toISOString();
  const disrupted = {
    type: 'DisruptionTarget',
    status: 'True' as const,
    reason: 'DeletionByTaintManager',
    lastTransitionTime,
  };
  const pod = aServingPod({ metadata: { labels: begun('pod-delete') } });
  const conditions = [...(pod.status?.conditions ?? []), disrupted];
  const step = planLeaving({ ...pod, status: { ...pod.status, conditions } }, NOW_MS, LIMITS);
  expect(step).toEqual({ do: 'let-go', neededSinceMs: NOW_MS - 60_000 });
});
