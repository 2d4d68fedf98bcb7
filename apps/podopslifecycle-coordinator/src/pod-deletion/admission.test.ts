import {
  DELETE_AT_ONCE_ANNOTATION,
  DELETION_REQUESTED_ANNOTATION,
  EVICTION_REQUESTED_ANNOTATION,
  type Pod,
  PREPARING_TO_DELETE_LABEL,
  stageLabel,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { aPodTransitionRule } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aServingPod, begun, granted, NOW_MS, nanosAt } from '../test/leaving-pods.ts';
import { answerTo, type LeaveRequest } from './admission.ts';

function ask(pod: Pod, request: Partial<LeaveRequest> = {}) {
  const usual = {
    what: 'delete',
    user: 'jane',
    dryRun: false,
    namespaceEnds: false,
    rules: [],
    nanos: nanosAt(NOW_MS),
  };
  return answerTo({ ...(usual as Omit<LeaveRequest, 'pod'>), ...request, pod });
}

describe('passes at once', () => {
  test.each([
    {
      because: 'uncontrolled',
      name: 'a Pod without the label (T86)',
      pod: aServingPod({ metadata: { labels: { 'kusionstack.io/control': 'false' } } }),
    },
    {
      because: 'terminating',
      name: 'a terminating Pod, or no kubelet could end it',
      pod: aServingPod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    },
    { because: 'finished', name: 'a Pod that has succeeded', pod: aServingPod({ status: { phase: 'Succeeded' } }) },
    {
      because: 'finished',
      name: 'a Pod that has failed, as PodGC makes it',
      pod: aServingPod({ status: { phase: 'Failed' } }),
    },
    { because: 'unscheduled', name: 'a Pod without a node', pod: aServingPod({ spec: { nodeName: '' } }) },
    { because: 'gateless', name: 'a Pod without the gate (T84)', pod: aServingPod({ spec: { readinessGates: [] } }) },
    {
      because: 'at-once',
      name: 'a Pod its user has let go',
      pod: aServingPod({ metadata: { annotations: { [DELETE_AT_ONCE_ANNOTATION]: 'true' } } }),
    },
    {
      because: 'permitted',
      name: 'a permitted deletion',
      pod: aServingPod({ metadata: { labels: granted('pod-delete', 'delete') } }),
    },
    {
      because: 'permitted',
      name: 'a permitted scale-in of a CollaSet',
      pod: aServingPod({ metadata: { labels: granted('collaset', 'scale-in') } }),
    },
  ])('$name', ({ pod, because }) => {
    expect(ask(pod)).toEqual({ allowed: true, because });
    expect(ask(pod, { what: 'evict' })).toEqual({ allowed: true, because });
  });

  test('a kubelet, and everything in a namespace that ends', () => {
    expect(ask(aServingPod(), { user: 'system:node:node-1' })).toEqual({ allowed: true, because: 'kubelet' });
    expect(ask(aServingPod(), { namespaceEnds: true })).toEqual({ allowed: true, because: 'namespace-ends' });
  });

  test('T97 a dry run, which changes nothing and says what the real one waits for', () => {
    expect(ask(aServingPod(), { dryRun: true })).toMatchObject({
      allowed: true,
      because: 'dry-run',
      warning: expect.stringMatching(/out of service/),
    });
  });
});

test('a permitted update is no permission to delete', () => {
  const labels = { ...granted('collaset', 'update'), [PREPARING_TO_DELETE_LABEL]: undefined };
  const { [PREPARING_TO_DELETE_LABEL]: _, ...kept } = labels;
  expect(ask(aServingPod({ metadata: { labels: kept as Record<string, string> } }))).toMatchObject({ allowed: false });
});

test('the first request begins the operation, marks the Pod and notes the client, in one write', () => {
  const at = nanosAt(NOW_MS);
  expect(ask(aServingPod())).toMatchObject({
    allowed: false,
    retryAfterSeconds: 1,
    write: {
      labels: { [TO_DELETE_LABEL]: at, [PREPARING_TO_DELETE_LABEL]: at, [stageLabel('operating', 'pod-delete')]: at },
      annotations: { [DELETION_REQUESTED_ANNOTATION]: at },
    },
  });
});

test('an eviction is noted only: its drain begins when the PodDisruptionBudget has room', () => {
  expect(ask(aServingPod(), { what: 'evict' })).toMatchObject({
    allowed: false,
    message: expect.stringMatching(/PodDisruptionBudget/),
    write: { annotations: { [EVICTION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS) } },
  });
  expect(ask(aServingPod(), { what: 'evict' })).not.toHaveProperty('write.labels');
});

test('a Pod that is being scaled in is marked, and drained once', () => {
  const { [stageLabel('operate', 'collaset')]: _, ...scaledIn } = granted('collaset', 'scale-in');
  expect(ask(aServingPod({ metadata: { labels: scaledIn } }))).toMatchObject({
    allowed: false,
    message: expect.stringContaining('podopslifecycle-coordinator'),
    write: { labels: { [TO_DELETE_LABEL]: nanosAt(NOW_MS) } },
  });
});

describe('T85 a repeated request', () => {
  const asked = (agoMs: number) =>
    aServingPod({
      metadata: {
        labels: { ...begun('pod-delete', NOW_MS - agoMs), [TO_DELETE_LABEL]: '1' },
        annotations: { [DELETION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS - agoMs) },
      },
    });

  test.each([
    { agoMs: 1000, writes: false },
    { agoMs: 4999, writes: false },
    { agoMs: 5000, writes: true },
    { agoMs: -60_000, writes: true },
  ])('after $agoMs ms is noted again: $writes', ({ agoMs, writes }) => {
    const answer = ask(asked(agoMs));
    expect('write' in answer).toBe(writes);
    expect(answer).not.toHaveProperty('write.labels');
  });

  test.each([
    { user: 'jane', waitedMs: 0, seconds: 1 },
    { user: 'jane', waitedMs: 2500, seconds: 2 },
    { user: 'jane', waitedMs: 20_000, seconds: 10 },
    { user: 'jane', waitedMs: 600_000, seconds: 30 },
    { user: 'system:serviceaccount:kube-system:replicaset-controller', waitedMs: 600_000, seconds: 1 },
  ])('by $user after $waitedMs ms is told to come back in $seconds s', ({ user, waitedMs, seconds }) => {
    expect(ask(asked(waitedMs), { user })).toMatchObject({ retryAfterSeconds: seconds });
  });

  test('ten tries of a person wait about a minute', () => {
    let waitedMs = 0;
    for (let attempt = 0; attempt < 10; attempt++) {
      const answer = ask(asked(waitedMs));
      if (!answer.allowed) waitedMs += answer.retryAfterSeconds * 1000;
    }
    expect(waitedMs).toBeGreaterThan(45_000);
    expect(waitedMs).toBeLessThan(120_000);
  });

  test('names who holds it, and after long how not to wait', () => {
    const rule = aPodTransitionRule({
      metadata: { name: 'budget' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        rules: [{ name: 'b', availablePolicy: { maxUnavailableValue: 1 } }],
      },
    });
    expect(ask(asked(1000), { rules: [rule] })).toMatchObject({ message: expect.stringMatching(/budget/) });
    expect(ask(asked(1000))).not.toMatchObject({ message: expect.stringMatching(/delete-at-once/) });
    expect(ask(asked(60_000))).toMatchObject({ message: expect.stringMatching(/delete-at-once/) });
  });
});
