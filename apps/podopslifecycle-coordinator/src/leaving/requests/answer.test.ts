import {
  CLUSTER_NEEDS_ANNOTATION,
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
import { aServingPod, begun, granted, NOW_MS, nanosAt } from '../../test/leaving-pods.ts';
import { answerTo, type LeaveRequest } from './answer.ts';

function ask(pod: Pod, request: Partial<LeaveRequest> = {}) {
  const usual = {
    departure: 'delete',
    user: 'jane',
    dryRun: false,
    namespaceEnds: false,
    facts: { rules: [], nowMs: NOW_MS },
    longHolders: [],
    holdMs: 5000,
    clusterNeedsMs: 60_000,
    nanos: nanosAt(NOW_MS),
  };
  return answerTo({ ...(usual as Omit<LeaveRequest, 'pod'>), ...request, pod });
}

describe('allows at once', () => {
  test.each([
    {
      because: 'uncontrolled',
      name: 'a Pod without the label (T86)',
      pod: aServingPod({ metadata: { labels: { 'kusionstack.io/control': 'false' } } }),
    },
    {
      because: 'terminating',
      name: 'a terminating Pod, because otherwise no kubelet could end it',
      pod: aServingPod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    },
    { because: 'finished', name: 'a Pod that has succeeded', pod: aServingPod({ status: { phase: 'Succeeded' } }) },
    {
      because: 'finished',
      name: 'a Pod that has failed, as PodGC leaves it',
      pod: aServingPod({ status: { phase: 'Failed' } }),
    },
    { because: 'unscheduled', name: 'a Pod without a node', pod: aServingPod({ spec: { nodeName: '' } }) },
    { because: 'gateless', name: 'a Pod without the gate (T84)', pod: aServingPod({ spec: { readinessGates: [] } }) },
    {
      because: 'at-once',
      name: 'a Pod whose user wants it deleted at once',
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
    expect(ask(pod, { departure: 'evict' })).toEqual({ allowed: true, because });
  });

  test('a request by a kubelet, and any request in a namespace that is being deleted', () => {
    expect(ask(aServingPod(), { user: 'system:node:node-1' })).toEqual({ allowed: true, because: 'kubelet' });
    expect(ask(aServingPod(), { namespaceEnds: true })).toEqual({ allowed: true, because: 'namespace-ends' });
  });

  test('a dry run, which changes nothing and warns what the real request would wait for (T97)', () => {
    expect(ask(aServingPod(), { dryRun: true })).toMatchObject({
      allowed: true,
      because: 'dry-run',
      warning: expect.stringMatching(/out of traffic/),
    });
  });
});

test('permission for an update is no permission to delete', () => {
  const labels = { ...granted('collaset', 'update'), [PREPARING_TO_DELETE_LABEL]: undefined };
  const { [PREPARING_TO_DELETE_LABEL]: _, ...kept } = labels;
  expect(ask(aServingPod({ metadata: { labels: kept as Record<string, string> } }))).toMatchObject({ allowed: false });
});

test('the first request begins the operation, marks the Pod and records the client in one write', () => {
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

test('an eviction is only recorded: its drain begins when the PodDisruptionBudget has room', () => {
  expect(ask(aServingPod(), { departure: 'evict' })).toMatchObject({
    allowed: false,
    isNotBegun: true,
    write: { annotations: { [EVICTION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS) } },
  });
  expect(ask(aServingPod(), { departure: 'evict' })).not.toHaveProperty('write.labels');
});

test('a Pod that its CollaSet scales in is marked, and no second drain begins', () => {
  const { [stageLabel('operate', 'collaset')]: _, ...scaledIn } = granted('collaset', 'scale-in');
  expect(ask(aServingPod({ metadata: { labels: scaledIn } }))).toMatchObject({
    allowed: false,
    message: expect.stringContaining('podopslifecycle-coordinator'),
    write: { labels: { [TO_DELETE_LABEL]: nanosAt(NOW_MS) } },
  });
});

describe('a repeated request (T85)', () => {
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
  ])('after $agoMs ms is recorded again: $writes', ({ agoMs, writes }) => {
    const answer = ask(asked(agoMs));
    expect('write' in answer).toBe(writes);
    expect(answer).not.toHaveProperty('write.labels');
  });

  test('that is refused for good removes the record, because the client does not come back', () => {
    expect(ask(asked(60_000))).toMatchObject({
      retryAfterSeconds: undefined,
      write: { annotations: { [DELETION_REQUESTED_ANNOTATION]: null } },
    });
  });

  test('names the holder, and after a long wait also the way to skip the drain', () => {
    const rule = aPodTransitionRule({
      metadata: { name: 'budget' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        rules: [{ name: 'b', availablePolicy: { maxUnavailableValue: 1 } }],
      },
    });
    expect(ask(asked(1000), { facts: { rules: [rule], nowMs: NOW_MS } })).toMatchObject({
      message: expect.stringMatching(
        /^Pod default\/web is being taken out of traffic and will be deleted once that is done\. It waits: .*budget.*, since 2025-12-31T23:59:59Z\.$/,
      ),
    });
    expect(ask(asked(1000))).not.toMatchObject({ message: expect.stringMatching(/delete-at-once/) });
    expect(ask(asked(60_000))).toMatchObject({ message: expect.stringMatching(/delete-at-once/) });
  });
});

describe('a program', () => {
  const user = 'system:serviceaccount:kube-system:replicaset-controller';

  test('gets its answer at once without a time to come back, because client-go would sleep inside a worker', () => {
    expect(ask(aServingPod(), { user })).toMatchObject({ allowed: false, holdMs: 0, retryAfterSeconds: undefined });
    expect(ask(aServingPod(), { user, departure: 'evict' })).toMatchObject({ holdMs: 0, retryAfterSeconds: undefined });
  });

  test('is not awaited: the Pod is marked, but the client is not recorded', () => {
    const answer = ask(aServingPod(), { user });
    expect(answer).toMatchObject({ write: { labels: { [TO_DELETE_LABEL]: nanosAt(NOW_MS) } } });
    expect(answer).not.toHaveProperty('write.annotations');
  });

  test('keeps the record of a person who waits for the same Pod', () => {
    const metadata = {
      labels: { ...begun('pod-delete', NOW_MS - 10_000), [TO_DELETE_LABEL]: '1' },
      annotations: { [DELETION_REQUESTED_ANNOTATION]: nanosAt(NOW_MS - 6000) },
    };
    expect(ask(aServingPod({ metadata }), { user })).not.toHaveProperty('write');
  });
});

describe('the message of an eviction', () => {
  const evict = (pod: Pod, more: Partial<LeaveRequest> = {}) => {
    const answer = ask(pod, { departure: 'evict', ...more });
    return answer.allowed ? '' : answer.message;
  };

  test('names no PodDisruptionBudget if none holds the Pod', () => {
    expect(evict(aServingPod())).toBe(
      'Pod default/web is not evicted yet. It waits for podopslifecycle-coordinator to begin.',
    );
  });

  test('names what keeps the drain from beginning', () => {
    const notBegun = 'waits for PodDisruptionBudget web, which allows no disruption now (1 healthy, 1 needed)';
    expect(evict(aServingPod(), { notBegun })).toBe(`Pod default/web is not evicted yet. It ${notBegun}.`);
  });

  test('names the holder of the drain', () => {
    const { [stageLabel('operate', 'pod-evict')]: _, ...labels } = granted('pod-evict', 'delete');
    const finalizers = ['prot.podopslifecycle.kusionstack.io/abc'];
    expect(evict(aServingPod({ metadata: { labels, finalizers } }))).toMatch(
      /^Pod default\/web is being taken out of traffic and can be evicted once that is done\. It waits: finalizer prot\.podopslifecycle\.kusionstack\.io\/abc is not off, since /,
    );
  });

  test('of a Pod that is being deleted says so, and names the holder of the deletion', () => {
    const labels = { ...begun('pod-delete'), [TO_DELETE_LABEL]: '1' };
    expect(evict(aServingPod({ metadata: { labels } }))).toMatch(/will be deleted once that is done\. It waits: /);
  });

  test('never names the client itself as the holder', () => {
    const { [PREPARING_TO_DELETE_LABEL]: _, ...labels } = granted('pod-evict', 'delete');
    expect(evict(aServingPod({ metadata: { labels } }))).not.toMatch(/operation controller/);
  });
});

describe('for the needs of the cluster', () => {
  const user = 'system:kube-scheduler';
  const needed = (ms: number) => ({ [CLUSTER_NEEDS_ANNOTATION]: nanosAt(NOW_MS - ms) });
  const marked = (ms: number) =>
    aServingPod({ metadata: { labels: { ...begun('pod-delete'), [TO_DELETE_LABEL]: '1' }, annotations: needed(ms) } });

  test('the first request is recorded with the mark, so that every replica knows the deadline', () => {
    const answer = ask(aServingPod(), { user });
    expect(answer).toMatchObject({ allowed: false, write: { annotations: needed(0) } });
    expect(answer).toMatchObject({ write: { labels: { [TO_DELETE_LABEL]: nanosAt(NOW_MS) } } });
  });

  test('a later request changes nothing', () => {
    expect(ask(marked(30_000), { user })).not.toHaveProperty('write');
  });

  test('a request is allowed after the time that the administrator sets', () => {
    expect(ask(marked(60_000), { user })).toEqual({ allowed: true, because: 'cluster-needs' });
    expect(ask(marked(60_000), { user, clusterNeedsMs: 3_600_000 })).toMatchObject({ allowed: false });
  });

  test('a request is allowed at once if the administrator sets no time', () => {
    expect(ask(aServingPod(), { user, clusterNeedsMs: 0 })).toEqual({ allowed: true, because: 'cluster-needs' });
    expect(ask(aServingPod(), { clusterNeedsMs: 0 })).toMatchObject({ allowed: false });
  });

  test('an eviction still waits for its PodDisruptionBudget and its rules', () => {
    expect(ask(marked(60_000), { departure: 'evict' })).toMatchObject({ allowed: false });
  });
});
