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
  { name: 'a marked Pod is to be drained', metadata: { labels: mark }, step: { do: 'begin' } },
  {
    name: 'a marked Pod waits for its permission',
    metadata: { labels: { ...mark, ...begun('pod-delete') } },
    step: { do: 'nothing' },
  },
  {
    name: 'a permitted Pod is deleted',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') } },
    step: { do: 'delete' },
  },
  {
    name: 'a permitted Pod is left to the client that asks for it',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(10_000) },
    step: { do: 'wait', ms: 1000 },
  },
  {
    name: 'a client that was told to come back late is waited for until then',
    metadata: {
      labels: { ...mark, ...granted('pod-delete', 'delete', NOW_MS - 50_000) },
      annotations: askedAgo(5000),
    },
    step: { do: 'wait', ms: 15_000 },
  },
  {
    name: 'a client that was told to come back at once, and did not, is not waited for (T101)',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(11_000) },
    step: { do: 'delete' },
  },
  {
    name: 'a client that has gone away does not keep a permitted Pod',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(40_000) },
    step: { do: 'delete' },
  },
  {
    name: 'a stamp from a clock ahead does not keep it either',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: askedAgo(-3_600_000) },
    step: { do: 'delete' },
  },
  {
    name: 'permission for another operation is not enough: the rules are asked for this one',
    metadata: { labels: { ...mark, ...granted('collaset', 'update') } },
    step: { do: 'begin' },
  },
  {
    name: 'a Pod its CollaSet is scaling in is left to that',
    metadata: { labels: { ...mark, ...granted('collaset', 'scale-in') } },
    step: { do: 'nothing' },
  },
  {
    name: 'of two operations that take the Pod away the one begun here goes on',
    metadata: { labels: { ...mark, ...granted('collaset', 'scale-in'), ...granted('pod-delete', 'delete') } },
    step: { do: 'delete' },
  },
  {
    name: 'a Pod that may go at once does',
    metadata: { labels: mark, annotations: { [DELETE_AT_ONCE_ANNOTATION]: 'true' } },
    step: { do: 'delete' },
  },
  {
    name: 'a mark taken off undoes the drain',
    metadata: { labels: begun('pod-delete') },
    step: { do: 'cancel', departure: 'delete' },
  },
  {
    name: 'a mark taken off undoes a permitted drain as well',
    metadata: { labels: granted('pod-delete', 'delete') },
    step: { do: 'cancel', departure: 'delete' },
  },
  {
    name: 'a drain for an eviction is kept while its client comes back',
    metadata: { labels: granted('pod-evict', 'delete'), annotations: evictionAskedAgo(100_000) },
    step: { do: 'wait', ms: 20_000 },
  },
  {
    name: 'a drain for an eviction nobody asks for any more is undone',
    metadata: { labels: granted('pod-evict', 'delete'), annotations: evictionAskedAgo(120_000) },
    step: { do: 'cancel', departure: 'evict' },
  },
  {
    name: 'an eviction that never began is forgotten',
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
    name: 'a Pod whose place the cluster has needed for as long as it may have to wait is let go, drained or not',
    metadata: { labels: { ...mark, ...begun('pod-delete') }, annotations: neededFor(60_000) },
    step: { do: 'let-go', neededSinceMs: NOW_MS - 60_000 },
  },
  {
    name: 'such a Pod does not wait for the scale-in of its CollaSet any longer either',
    metadata: { labels: { ...mark, ...granted('collaset', 'scale-in') }, annotations: neededFor(60_000) },
    step: { do: 'let-go', neededSinceMs: NOW_MS - 60_000 },
  },
  {
    name: 'such a Pod is deleted as soon as it may go',
    metadata: { labels: { ...mark, ...granted('pod-delete', 'delete') }, annotations: neededFor(1000) },
    step: { do: 'delete' },
  },
  {
    name: 'a note of the cluster’s need does nothing to a Pod that is not marked',
    metadata: { annotations: neededFor(60_000) },
    step: { do: 'nothing' },
  },
  {
    name: 'a terminating Pod is left alone',
    metadata: { labels: mark, deletionTimestamp: '2026-01-01T00:00:00Z' },
    step: { do: 'nothing' },
  },
  {
    name: 'T86 a Pod without control is left alone',
    metadata: { labels: { ...mark, 'kusionstack.io/control': 'false' } },
    step: { do: 'nothing' },
  },
])('$name', ({ metadata, step }) => {
  expect(planLeaving(aServingPod({ metadata }), NOW_MS, LIMITS)).toEqual(step);
});

test('T84 a Pod without the gate is deleted under its operation, for the rules’ sake', () => {
  const pod = aServingPod({ metadata: { labels: mark }, spec: { readinessGates: [] } });
  expect(planLeaving(pod, NOW_MS, LIMITS)).toEqual({ do: 'begin' });
});

test('a Pod that was disrupted for the cluster goes in time though a tenant takes its mark and the note off', () => {
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
