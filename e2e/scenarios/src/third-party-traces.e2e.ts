// The label traces (a) to (d) of the protocol, with kubectl as operation controller: the label sets that appear, and the number of writes.

import { join } from 'node:path';
import { type ApiCall, AuditLog } from '@kuperator/observer';
import { beforeEach, expect, test } from 'vitest';
import type { LonePod } from './lone-pod.ts';
import { lonePods } from './lone-pods.ts';

const on = lonePods();
let audit: AuditLog;
beforeEach(() => {
  audit = new AuditLog(join(on.cluster.dir, 'audit.log'));
});

/** A Pod behind a Service, under a rule that allows one Pod to be out. */
async function inService(namespace: string): Promise<LonePod> {
  const pod = await on.create({ namespace, inService: true });
  await pod.limit(1);
  await pod.untilSo('has its finalizer', () => pod.pod.metadata.finalizers?.length === 1);
  await pod.rests();
  pod.reset();
  await audit.read();
  return pod;
}

/** Begins like a controller that knows the whole protocol: with `pre-check`, which the coordinator must write otherwise. */
function begin(pod: LonePod, id: string, type: string, ...more: readonly string[]): Promise<void> {
  return pod.label(`operating/${id}=1`, `operation-type/${id}=${type}`, `pre-check/${id}=${Date.now()}000000`, ...more);
}

type Writes = { pods: Record<string, number>; verdicts: number };

/** Writes that took effect since the last count: writes of Pods (and their status) by operator, and writes of verdicts. */
async function writes(pod: LonePod): Promise<Writes> {
  await pod.rests();
  const pods: Record<string, number> = {};
  let verdicts = 0;
  for (const { client, byOperator, verb, resource, code } of (await audit.read()) as ApiCall[]) {
    if (!byOperator || code >= 400 || !['patch', 'update', 'create', 'delete'].includes(verb)) continue;
    if (resource.startsWith('podtransitionrules')) verdicts++;
    if (resource.startsWith('pods')) pods[client] = (pods[client] ?? 0) + 1;
  }
  return { pods, verdicts };
}

/** Checks the sequence of labels: every state is one of `allowed`, in that order, and every state marked with `!` occurred. */
function expectHistory(pod: LonePod, allowed: readonly string[]): void {
  const history = pod.history();
  const states = allowed.map((state) => state.replace('!', '').split(' ').sort().join(' '));
  let at = 0;
  for (const state of history) {
    at = states.indexOf(state, at);
    expect(at, `${state}\nin\n${history.join('\n')}`).toBeGreaterThanOrEqual(0);
  }
  for (const [index, state] of states.entries()) if (allowed[index]?.startsWith('!')) expect(history).toContain(state);
}

test('(a) an in-place update takes 7 writes of the Pod instead of 18', async () => {
  const pod = await inService('trace-a');
  await begin(pod, 'collaset', 'update');
  await pod.until('operate/collaset');
  expect(pod.isInTraffic).toBe(false);
  await pod.kubectl('annotate', 'changed=yes');
  await pod.finish('collaset');
  await pod.serves();

  const held = 'operation-type/collaset operation-permission/update pre-checked/collaset';
  expectHistory(pod, [
    '!service-available',
    '!operating/collaset operation-type/collaset pre-check/collaset service-available',
    `!operating/collaset ${held} preparing/collaset`,
    `!operate/collaset operating/collaset ${held}`,
    `operate/collaset ${held}`,
    'done-operation-type/collaset operated/collaset post-check/collaset',
    '!completing/collaset done-operation-type/collaset operated/collaset post-checked/collaset',
    '!service-available',
  ]);
  const { pods, verdicts } = await writes(pod);
  // Besides the 3 writes of the operation controller.
  expect(pods).toEqual({ 'podopslifecycle-coordinator': 2, 'endpointslice-adapter': 2 });
  expect(verdicts).toBeLessThanOrEqual(3);
});

test('(b) a scale-in takes 4 writes of the Pod instead of 11', async () => {
  const pod = await inService('trace-b');
  await begin(pod, 'collaset', 'scale-in', 'preparing-to-delete=1');
  await pod.until('operate/collaset');
  expect(pod.isInTraffic).toBe(false);
  await pod.kubectl('delete', '--wait=false');
  await pod.untilSo('is gone', () => pod.isGone);

  const held = 'operation-type/collaset operation-permission/scale-in pre-checked/collaset preparing-to-delete';
  expectHistory(pod, [
    '!service-available',
    '!operating/collaset operation-type/collaset pre-check/collaset preparing-to-delete service-available',
    `!operating/collaset ${held} preparing/collaset`,
    `!operate/collaset operating/collaset ${held}`,
  ]);
  const { pods, verdicts } = await writes(pod);
  expect(pods).toEqual({ 'podopslifecycle-coordinator': 1, 'endpointslice-adapter': 1 });
  expect(verdicts).toBeLessThanOrEqual(3);
});

test('(c) two operations together take 10 writes of the Pod instead of 21, and one drain', async () => {
  const pod = await inService('trace-c');
  await pod.limit(0, 'nobody');
  await begin(pod, 'collaset', 'update');
  await begin(pod, 'job-1', 'Restart');
  await pod.rests();
  await pod.forget('nobody');
  await pod.until('operate/collaset', 'operate/job-1');
  await pod.kubectl('annotate', 'changed=yes');
  await pod.kubectl('annotate', 'restarted=yes');
  await pod.finish('collaset');
  await pod.rests();
  expect(pod.labels()).toEqual([
    'operate/collaset',
    'operate/job-1',
    'operating/job-1',
    'operation-permission/Restart',
    'operation-permission/update',
    'operation-type/collaset',
    'operation-type/job-1',
    'pre-checked/collaset',
    'pre-checked/job-1',
  ]);
  await pod.finish('job-1');
  await pod.serves();
  const { pods } = await writes(pod);
  expect(pods).toEqual({ 'podopslifecycle-coordinator': 2, 'endpointslice-adapter': 2 });
});

test('(d) an operation that is cancelled in Preparing takes 5 writes of the Pod, and one for each change of its traffic', async () => {
  const pod = await inService('trace-d');
  // A traffic controller that is slow to remove its finalizer, so that the operation stays in Preparing.
  await pod.addFinalizer('slow');
  await begin(pod, 'collaset', 'update');
  await pod.until('preparing/collaset');
  await pod.untilSo('has only the slow finalizer', () => pod.pod.metadata.finalizers?.length === 1);
  await pod.rests();
  expect(pod.gate()?.status).toBe('False');
  await pod.undo('collaset', 'update');
  await pod.serves();
  expect(pod.isInTraffic).toBe(true);
  expect(pod.labels()).toEqual(['service-available']);
  const { pods } = await writes(pod);
  expect(pods).toEqual({ 'podopslifecycle-coordinator': 2, 'endpointslice-adapter': 2 });
});
