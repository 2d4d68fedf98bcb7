import { SERVICE_READY_GATE } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { readinessHolder, resizeHolder } from './kubelet.ts';
import { aPod, NOW, running, waiting } from './test/pods.ts';
import { textOf } from './text.ts';

const said = (pod: Parameters<typeof readinessHolder>[0], isNodeReady?: boolean) => {
  const holder = readinessHolder(pod, NOW, isNodeReady);
  return holder && textOf(holder);
};
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString();
const ended = (exitCode: number, reason: string, secondsAgo = 30) => ({
  terminated: { exitCode, reason, finishedAt: at(secondsAgo) },
});

describe('readinessHolder', () => {
  test.each([
    { reason: 'ErrImagePull', text: 'kubelet cannot pull nginx:typo (ErrImagePull)' },
    { reason: 'ImagePullBackOff', text: 'kubelet cannot pull nginx:typo (ErrImagePull)' },
    { reason: 'ErrImageNeverPull', text: 'kubelet cannot pull nginx:typo (ErrImageNeverPull): why' },
    { reason: 'InvalidImageName', text: 'kubelet cannot pull nginx:typo (InvalidImageName): why' },
    {
      reason: 'CreateContainerConfigError',
      text: 'kubelet cannot create container main (CreateContainerConfigError): why',
    },
    { reason: 'CrashLoopBackOff', text: 'container main keeps crashing (CrashLoopBackOff)' },
    { reason: 'ContainerCreating', text: 'kubelet is starting container main (ContainerCreating)' },
  ])('reads why a container waits: $reason', ({ reason, text }) => {
    expect(said(aPod({ statuses: [waiting(reason, 'why')] }))).toBe(text);
    const inits = [waiting(reason, 'why')];
    expect(said(aPod({ statuses: [waiting('PodInitializing')], inits }))).toBe(text);
  });

  test.each([
    { name: 'the exit code of a failure', lastState: ended(1, 'Error'), text: 'exit code 1' },
    { name: 'memory', lastState: ended(137, 'OOMKilled'), text: 'OOMKilled, exit code 137' },
  ])('calls a container that runs between two failures crashing: $name', ({ lastState, text }) => {
    const statuses = [running({ ready: false, restartCount: 3, lastState })];
    expect(said(aPod({ statuses }))).toBe(`container main keeps crashing (CrashLoopBackOff, ${text})`);
  });

  test.each([
    { name: 'was just restarted by a change in place', lastState: ended(137, 'Error'), restartCount: 3 },
    { name: 'failed once', lastState: ended(1, 'Error'), restartCount: 1 },
    { name: 'failed long ago', lastState: ended(1, 'Error', 3600), restartCount: 9 },
  ])('waits for the probe of a container that $name', ({ name: _, ...status }) => {
    expect(said(aPod({ statuses: [running({ ready: false, ...status })] }))).toBe(
      'container main not ready (readiness probe)',
    );
  });

  test('tells a startup probe from a readiness probe', () => {
    expect(said(aPod({ statuses: [running({ ready: false, started: false })] }))).toBe(
      'container main not ready (startup probe)',
    );
  });

  test('waits for an init container that runs, and not for a sidecar that is ready', () => {
    const sidecar = running({ name: 'proxy' });
    const init = running({ name: 'migrate', ready: false });
    const statuses = [waiting('PodInitializing')];
    expect(said(aPod({ statuses, inits: [sidecar, init] }))).toBe('init container migrate has not completed');
  });

  test("gives the scheduler's words, bounded and in one line", () => {
    const message = `0/3 nodes are available:\n3 Insufficient cpu. ${'x'.repeat(1000)}`;
    const text = said(aPod({ conditions: { PodScheduled: { status: 'False', message } }, statuses: [] }));
    expect(text).toContain('cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu.');
    expect(text?.length).toBeLessThan(350);
  });

  test('names a readiness gate of others, and leaves ours to the coordinator', () => {
    const gates = [SERVICE_READY_GATE, 'example.com/warm'];
    const open = { [SERVICE_READY_GATE]: 'True' } as const;
    expect(said(aPod({ gates, conditions: open }))).toBe('readiness gate example.com/warm is not True');
    expect(said(aPod({ conditions: { [SERVICE_READY_GATE]: 'False' } }))).toBeUndefined();
  });

  test('blames a node that is not ready, or whose kubelet does not follow its own conditions', () => {
    expect(said(aPod({ statuses: [waiting('ContainerCreating')] }), false)).toBe(
      'kubelet of node node-0 does not report',
    );
    const conditions = { [SERVICE_READY_GATE]: 'True', ContainersReady: 'True', Ready: 'False' } as const;
    expect(said(aPod({ conditions }))).toBe('kubelet of node node-0 does not report');
  });

  test('is undefined for a Pod that is Ready', () => {
    expect(said(aPod({ conditions: { Ready: 'True' } }))).toBeUndefined();
  });
});

test.each([
  {
    name: 'Deferred',
    conditions: { PodResizePending: { status: 'True', reason: 'Deferred', message: 'Node did not have enough cpu' } },
    text: 'resize is Deferred: Node did not have enough cpu',
  },
  {
    name: 'Infeasible',
    conditions: { PodResizePending: { status: 'True', reason: 'Infeasible', message: '' } },
    text: 'resize is Infeasible',
  },
  {
    name: 'an error',
    conditions: { PodResizeInProgress: { status: 'True', reason: 'Error', message: 'cgroup' } },
    text: 'resize is failing: cgroup',
  },
  { name: 'in progress', conditions: { PodResizeInProgress: { status: 'True' } }, text: undefined },
] as const)('reads a resize that does not go on: $name', ({ conditions, text }) => {
  const holder = resizeHolder(aPod({ conditions }));
  expect(holder && textOf(holder)).toBe(text);
});
