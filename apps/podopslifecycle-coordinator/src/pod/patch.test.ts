import { type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { writeFor } from './patch.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const pod = (gate?: 'True' | 'False'): Pod => ({
  metadata: { name: 'a', namespace: 'default', uid: 'uid-a', resourceVersion: '7' },
  spec: { containers: [], readinessGates: [{ conditionType: SERVICE_READY_GATE }] },
  status: { conditions: gate ? [{ type: SERVICE_READY_GATE, status: gate }] : [] },
});

describe('writeFor', () => {
  test('writes nothing if nothing changes', () => {
    expect(writeFor(pod('True'), { settled: { labels: {} }, now: NOW })).toBeUndefined();
  });

  test('puts gate and labels into one patch of pods/status that holds only for the version decided from', () => {
    const write = writeFor(pod('True'), { settled: { labels: { a: null }, gate: 'False' }, now: NOW });
    expect(write).toMatchObject({
      change: {
        type: 'strategic',
        subresource: 'status',
        precondition: 'version',
        body: {
          metadata: { labels: { a: null } },
          status: { conditions: [{ type: SERVICE_READY_GATE, status: 'False', lastTransitionTime: NOW }] },
        },
      },
    });
  });

  test('patches the Pod itself if only labels change', () => {
    const write = writeFor(pod('True'), { settled: { labels: { a: '1' } }, now: NOW });
    expect(write).toEqual({
      changed: 'labels',
      change: { type: 'merge', precondition: 'version', body: { metadata: { labels: { a: '1' } } } },
    });
  });

  test.each([
    { name: 'the first opening of a gate by uid alone', from: undefined, labels: {}, precondition: 'uid' },
    { name: 'an opening after an operation by version', from: 'False' as const, labels: {}, precondition: 'version' },
    {
      name: 'a first opening that also changes labels by version',
      from: undefined,
      labels: { a: '1' },
      precondition: 'version',
    },
  ])('guards $name', ({ from, labels, precondition }) => {
    const write = writeFor(pod(from), { settled: { labels, gate: 'True' }, now: NOW });
    expect(write?.change.precondition).toBe(precondition);
  });

  const reported = {
    type: 'pod.kusionstack.io/operation-progressing',
    status: 'True' as const,
    reason: 'WaitingForRules',
  };

  test('adds an explanation to another write, and writes it alone only once it is due', () => {
    const explanation = { condition: reported, annotations: { why: 'so' }, isDue: false };
    expect(writeFor(pod('True'), { settled: { labels: {} }, now: NOW, explanation })).toBeUndefined();
    expect(writeFor(pod('True'), { settled: { labels: { a: '1' } }, now: NOW, explanation })).toEqual({
      changed: 'labels',
      change: {
        type: 'merge',
        precondition: 'version',
        body: { metadata: { labels: { a: '1' }, annotations: { why: 'so' } } },
      },
    });
    const closing = { labels: {}, gate: 'False' as const };
    expect(writeFor(pod('True'), { settled: closing, now: NOW, explanation })?.change.body).toMatchObject({
      metadata: { annotations: { why: 'so' } },
      status: { conditions: [{ type: SERVICE_READY_GATE }, reported] },
    });
  });

  test('writes and removes an explanation that is due without changing other conditions', () => {
    const due = (condition: typeof reported | null) =>
      writeFor(pod('True'), {
        settled: { labels: {} },
        now: NOW,
        explanation: { condition, annotations: {}, isDue: true },
      });
    expect(due(reported)).toMatchObject({
      changed: 'explanation',
      change: {
        type: 'strategic',
        subresource: 'status',
        precondition: 'version',
        body: { status: { conditions: [reported] } },
      },
    });
    expect(due(null)?.change.body).toMatchObject({
      status: { conditions: [{ $patch: 'delete', type: reported.type }] },
    });
  });
});
