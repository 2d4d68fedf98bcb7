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
  test('writes nothing where nothing changes', () => {
    expect(writeFor(pod('True'), { labels: {} }, NOW)).toBeUndefined();
  });

  test('puts gate and labels into one patch of pods/status that holds only for the version decided from', () => {
    const write = writeFor(pod('True'), { labels: { a: null }, gate: 'False' }, NOW);
    expect(write).toMatchObject({
      subresource: 'status',
      patch: {
        type: 'strategic',
        body: {
          metadata: { uid: 'uid-a', resourceVersion: '7', labels: { a: null } },
          status: { conditions: [{ type: SERVICE_READY_GATE, status: 'False', lastTransitionTime: NOW }] },
        },
      },
    });
  });

  test('patches the Pod itself where only labels change', () => {
    const write = writeFor(pod('True'), { labels: { a: '1' } }, NOW);
    expect(write).toEqual({
      changed: 'labels',
      patch: { type: 'merge', body: { metadata: { uid: 'uid-a', resourceVersion: '7', labels: { a: '1' } } } },
    });
  });

  test.each([
    { name: 'the first opening of a gate by uid alone', from: undefined, labels: {}, version: undefined },
    { name: 'an opening after an operation by version', from: 'False' as const, labels: {}, version: '7' },
    { name: 'a first opening that also moves labels by version', from: undefined, labels: { a: '1' }, version: '7' },
  ])('guards $name', ({ from, labels, version }) => {
    const write = writeFor(pod(from), { labels, gate: 'True' }, NOW);
    const { metadata } = write?.patch.body as { metadata: { resourceVersion?: string } };
    expect(metadata.resourceVersion).toBe(version);
  });

  const told = { type: 'pod.kusionstack.io/operation-progressing', status: 'True' as const, reason: 'WaitingForRules' };

  test('lets an explanation join the write of the gate, and be none of its own until it is due', () => {
    const explanation = { condition: told, annotations: { why: 'so' }, isDue: false };
    expect(writeFor(pod('True'), { labels: {} }, NOW, explanation)).toBeUndefined();
    expect(writeFor(pod('True'), { labels: { a: '1' } }, NOW, explanation)).toEqual({
      changed: 'labels',
      patch: {
        type: 'merge',
        body: { metadata: { uid: 'uid-a', resourceVersion: '7', labels: { a: '1' }, annotations: { why: 'so' } } },
      },
    });
    const { body } = writeFor(pod('True'), { labels: {}, gate: 'False' }, NOW, explanation)?.patch as { body: object };
    expect(body).toMatchObject({
      metadata: { annotations: { why: 'so' } },
      status: { conditions: [{ type: SERVICE_READY_GATE }, told] },
    });
  });

  test('writes an explanation that is due, and takes it away, without touching other conditions', () => {
    const due = (condition: typeof told | null) =>
      writeFor(pod('True'), { labels: {} }, NOW, { condition, annotations: {}, isDue: true });
    expect(due(told)).toMatchObject({
      changed: 'explanation',
      subresource: 'status',
      patch: { type: 'strategic', body: { metadata: { resourceVersion: '7' }, status: { conditions: [told] } } },
    });
    expect(due(null)?.patch.body).toMatchObject({ status: { conditions: [{ $patch: 'delete', type: told.type }] } });
  });
});
