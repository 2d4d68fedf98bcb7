import { conditionOf, LAST_POD_STATUS_ANNOTATION, type Pod, SERVICE_READY_GATE, stageLabel } from '@kuperator/api';
import { holdOf, textOf } from '@kuperator/holders';
import { aPod } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { trimPod } from './trim.ts';

const NOW = Date.UTC(2026, 0, 1);
const GATES = [{ conditionType: SERVICE_READY_GATE }, { conditionType: 'example.com/warm' }];
const operating = {
  [stageLabel('operating', 'collaset')]: '1',
  [stageLabel('operation-type', 'collaset')]: 'update',
  [stageLabel('operate', 'collaset')]: '1',
};

function pod(status: Pod['status'], metadata: Partial<Pod['metadata']> = {}): Pod {
  return aPod({
    metadata: {
      labels: operating,
      annotations: { [LAST_POD_STATUS_ANNOTATION]: '{"containerStates":{}}' },
      ...metadata,
    },
    spec: {
      nodeName: 'n',
      readinessGates: GATES,
      containers: [{ name: 'main', image: 'app:typo', env: [{ name: 'A', value: 'x' }] }],
      initContainers: [{ name: 'init', image: 'init:typo' }],
    },
    status: { conditions: [], ...status },
  });
}
const container = (state: Record<string, unknown>, change: object = {}) => ({
  name: 'main',
  image: 'app:v1',
  imageID: 'sha256:1',
  ready: false,
  restartCount: 4,
  state,
  ...change,
});
const failed = { terminated: { exitCode: 1, reason: 'Error', finishedAt: '2025-12-31T23:59:00Z', message: 'x' } };
const resize = { type: 'PodResizePending', status: 'True' as const, reason: 'Deferred', message: 'no cpu' };

describe('trimPod', () => {
  test.each<{ name: string; status: Pod['status']; metadata?: Partial<Pod['metadata']>; text: RegExp }>([
    {
      name: 'an image that cannot be pulled',
      status: { containerStatuses: [container({ waiting: { reason: 'ErrImagePull', message: 'not found' } })] },
      text: /cannot pull app:typo/,
    },
    {
      name: 'an init container that cannot be configured',
      status: {
        initContainerStatuses: [
          container({ waiting: { reason: 'CreateContainerConfigError', message: 'no secret' } }, { name: 'init' }),
        ],
      },
      text: /container init .*no secret/,
    },
    {
      name: 'a crash',
      status: { containerStatuses: [container({ running: { startedAt: 'x' } }, { lastState: failed })] },
      text: /keeps crashing .*exit code 1/,
    },
    {
      name: 'a Pod that cannot be scheduled',
      status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] },
      text: /0\/3 nodes/,
    },
    { name: 'a resize', status: { conditions: [resize] }, text: /Deferred: no cpu/ },
    {
      name: 'a readiness gate of another controller',
      status: {
        conditions: [
          { type: SERVICE_READY_GATE, status: 'True' },
          { type: 'example.com/warm', status: 'False', message: 'cold' },
        ],
        containerStatuses: [container({ running: {} }, { ready: true })],
      },
      metadata: { labels: { 'kusionstack.io/control': 'true' } },
      text: /example.com\/warm is not True: cold/,
    },
    {
      name: 'the finalizer of another controller',
      status: { containerStatuses: [container({ terminated: { exitCode: 0 } })] },
      metadata: { deletionTimestamp: '2025-12-31T00:00:00Z', finalizers: ['example.com/x'] },
      text: /finalizer example.com\/x/,
    },
  ])('keeps what identifies the holder of a Pod: $name', ({ status, metadata, text }) => {
    const whole = pod(status, metadata);
    const said = (each: Pod) => {
      const hold = holdOf(each, { nowMs: NOW });
      return hold && textOf(hold.holder);
    };
    expect(said(whole)).toMatch(text);
    expect(said(trimPod(whole))).toBe(said(whole));
  });

  test('keeps little of a Pod that is Ready, and limits what others wrote', () => {
    const ready = trimPod(
      pod({
        conditions: [{ type: 'Ready', status: 'True', message: 'x'.repeat(1000) }],
        containerStatuses: [container({ running: {} }, { ready: true })],
      }),
    );
    expect(ready.status?.containerStatuses).toBeUndefined();
    expect(ready.spec.containers).toEqual([]);
    expect(conditionOf(ready, 'Ready')).toEqual({ type: 'Ready', status: 'True' });
    const message = 'x'.repeat(5000);
    const failing = trimPod(pod({ containerStatuses: [container({ waiting: { reason: 'ErrImagePull', message } })] }));
    expect(JSON.stringify(failing).length).toBeLessThan(2000);
  });
});
