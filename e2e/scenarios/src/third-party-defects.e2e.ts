// What went wrong in the Go implementation (D1 to D15) does not, with kubectl in the place of every other controller.

import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { AVAILABLE } from './lone-pod.ts';
import { lonePods } from './lone-pods.ts';

const on = lonePods();

test('D1, D2: an operation begun while another completes is operated out of traffic, and both end', async () => {
  const pod = await on.create({ namespace: 'd1', inService: true });
  await pod.expect('Balancer/d1/web', 'slow');
  await pod.addFinalizer('slow');
  await pod.begin('a');
  await pod.until('preparing/a');
  await pod.removeFinalizer('slow');
  await pod.finish('a');
  await pod.until('completing/a');
  await pod.untilSo('is in traffic', () => pod.isInTraffic);
  await pod.begin('b', 'Other');
  await pod.until('operate/b');
  await pod.rests();
  expect(pod.gate()?.status).toBe('False');
  expect(pod.isInTraffic).toBe(false);
  await pod.finish('b');
  await pod.until('completing/a', 'completing/b');
  await pod.addFinalizer('slow');
  await pod.serves();
});

test('D3: undoing one operation moves the one that waited for it on', async () => {
  const pod = await on.create({ namespace: 'd3' });
  await pod.requireConsent('PostCheck');
  await pod.begin('a');
  await pod.begin('b', 'Other');
  await pod.until('operate/a', 'operate/b');
  await pod.finish('a');
  await pod.undo('b', 'Other');
  await pod.until('post-check/a');
  expect(pod.labels().filter((label) => label.endsWith('/b'))).toEqual([]);
  await pod.consent(true);
  await pod.serves();
});

test('D4: an operation on a Pod without the gate ends with nobody else writing the Pod', async () => {
  const pod = await on.create({ namespace: 'd4', gated: false });
  expect(pod.pod.spec.readinessGates ?? []).toEqual([]);
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.label('operating/a-');
  await pod.serves();
  expect(pod.gate()).toBeUndefined();
});

test('D5, T22: what a Service that is gone once expected holds nobody', async () => {
  const pod = await on.create({ namespace: 'd5' });
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.expect('Service/d5/gone', 'gone');
  await pod.finish('a');
  await pod.serves();
});

test('D6: Pods of one name in two namespaces do not answer for each other', async () => {
  const [held, free] = [await on.create({ namespace: 'd6-held' }), await on.create({ namespace: 'd6-free' })];
  await held.requireConsent('PreCheck');
  await Promise.all([held.begin('a'), free.begin('a')]);
  await free.until('operate/a');
  await held.rests();
  expect(held.has('pre-check/a')).toBe(true);
});

test('D7: a verdict is for one operation, of which it was given, and nobody passes before the engine has spoken', async () => {
  const pod = await on.create({ namespace: 'd7' });
  await pod.requireConsent('PreCheck');
  await pod.consent(true);
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.undo('a');
  await pod.serves();
  await on.cluster.stop('podtransitionrule-engine');
  try {
    // The verdict that let the first round pass still stands in the rule's status.
    await pod.begin('a');
    await pod.begin('b', 'Other');
    await pod.until('pre-check/a', 'pre-check/b');
    await pod.rests(1500);
    expect(pod.labels().filter((label) => label.startsWith('operate/'))).toEqual([]);
    expect(pod.has(AVAILABLE)).toBe(true);
  } finally {
    await on.cluster.start('podtransitionrule-engine');
  }
  await pod.until('operate/a', 'operate/b');
});

test('D8: finishing before the grant undoes, and leaves no label behind', async () => {
  const pod = await on.create({ namespace: 'd8' });
  await pod.addFinalizer('slow');
  await pod.begin('a');
  await pod.until('preparing/a');
  await pod.label('operating/a-');
  await pod.serves();
});

test('D9: undoing what is not there does not swallow the next operation', async () => {
  const pod = await on.create({ namespace: 'd9' });
  await pod.undo('a');
  await pod.untilSo('has no undo label', () => !pod.has('undo-operation-type/a'));
  await pod.begin('a');
  await pod.finish('a');
  await pod.serves();
});

test('D10: an id that takes another type is checked anew, and can be finished', async () => {
  const pod = await on.create({ namespace: 'd10' });
  await pod.requireConsent('PreCheck');
  await pod.consent(true);
  await pod.begin('a', 'update');
  await pod.until('operate/a');
  await pod.consent(false);
  await pod.label('operation-type/a=scale-in');
  await pod.untilSo('is checked anew', () => pod.has('pre-check/a') && !pod.has('operate/a'));
  await pod.rests();
  expect(pod.labels().filter((label) => label.startsWith('operation-permission/'))).toEqual([]);
  await pod.consent(true);
  await pod.until('operate/a', 'operation-permission/scale-in');
  await pod.finish('a');
  await pod.serves();
});

test('D11: an id begun again while it completes passes every check again', async () => {
  const pod = await on.create({ namespace: 'd11' });
  await pod.requireConsent('PreCheck');
  await pod.consent(true);
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.expect('Balancer/d11/web', 'slow');
  await pod.finish('a');
  await pod.until('completing/a');
  await pod.consent(false);
  await pod.begin('a', 'Again');
  await pod.until('pre-check/a');
  await pod.rests();
  expect(pod.labels()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  await pod.consent(true);
  await pod.finish('a');
  await pod.addFinalizer('slow');
  await pod.serves();
});

test('D12, T25: stay-offline keeps a Pod out of traffic: new, idle, and at the end of an operation', async () => {
  const pod = await on.create({ namespace: 'd12', inService: true });
  await pod.untilSo('is in traffic', () => pod.isInTraffic);
  await pod.label('stay-offline=1');
  await pod.untilSo('is out of traffic', () => !pod.isInTraffic && !pod.has(AVAILABLE));
  await pod.begin('a');
  await pod.finish('a');
  await pod.untilSo('has ended its operation', () => pod.labels().join() === 'stay-offline');
  await pod.rests();
  expect(pod.isInTraffic).toBe(false);
  await pod.label('stay-offline-');
  await pod.serves();
  await pod.untilSo('is in traffic again', () => pod.isInTraffic);

  const born = await on.create({
    namespace: 'd12-born',
    inService: true,
    labels: { 'podopslifecycle.kusionstack.io/stay-offline': '' },
  });
  await born.untilSo('runs', () => born.pod.status?.containerStatuses?.[0]?.ready === true);
  await born.rests(1500);
  expect(born.isInTraffic).toBe(false);
  expect(born.labels()).toEqual(['stay-offline']);
});

test('D13, T13, T20: readiness that flaps moves service-available, never the gate, and costs no idle write', async () => {
  const pod = await on.create({ namespace: 'd13', inService: true });
  const opened = pod.gate()?.lastTransitionTime;
  for (let flap = 0; flap < 3; flap++) {
    await pod.setReady(false);
    await pod.untilSo('is not available', () => !pod.has(AVAILABLE));
    // The adapter takes its finalizer off after its hold. That is no answer to what follows.
    await pod.untilSo('has no finalizer', () => (pod.pod.metadata.finalizers ?? []).length === 0);
    await pod.rests(300);
    const versions = pod.versions.length;
    await pod.kubectl('annotate', `flap=${flap}`);
    await pod.rests(300);
    // That one write, and none in answer to it.
    expect(pod.versions.length - versions).toBe(1);
    await pod.setReady(true);
    await pod.serves();
  }
  await pod.rests();
  const gates = pod.versions.map(({ status }) => status?.conditions);
  const statuses = gates.map((all) => all?.find(({ type }) => type === 'pod.kusionstack.io/service-ready')?.status);
  expect(new Set(statuses.slice(statuses.indexOf('True')))).toEqual(new Set(['True']));
  expect(pod.gate()?.lastTransitionTime).toBe(opened);
});

test('D14: a node that reports is never in the way of the lifecycle, nor the lifecycle in its', async () => {
  const pod = await on.create({ namespace: 'd14' });
  await on.cluster.stop('podopslifecycle-coordinator');
  try {
    // Half way, with nobody to move it on: in the Go implementation the node's write would be the one that does.
    await pod.label('operating/a=1', 'operation-type/a=Restart', 'undo-operation-type/a=Restart');
    const body = { status: { conditions: [{ type: 'example.com/node', status: 'True' }] } };
    const node = pod.pod.spec.nodeName ?? '';
    const asNode = [`--as=system:node:${node}`, '--as-group=system:nodes', '--as-group=system:authenticated'];
    const before = pod.labels();
    await pod.patch(body, '--subresource=status', '--as-group=system:masters', ...asNode);
    await pod.untilSo('shows what the node said', () => pod.condition('example.com/node')?.status === 'True');
    expect(pod.labels()).toEqual(before);
  } finally {
    await on.cluster.start('podopslifecycle-coordinator');
  }
  await pod.serves();
});

test('D15: a Pod replaced without its status is granted nothing', async () => {
  const pod = await on.create({ namespace: 'd15' });
  await pod.addFinalizer('slow');
  await pod.begin('a');
  await pod.until('preparing/a');
  const text = await on.cluster.kubectl(['get', 'pod', 'web', '--namespace=d15', '--output=json']);
  const { status: _, ...stripped } = JSON.parse(text);
  await on.cluster.kubectl(['replace', '--filename=-'], JSON.stringify(stripped));
  await pod.rests();
  expect(pod.has('operate/a')).toBe(false);
  expect(pod.has('preparing/a')).toBe(true);
  await pod.removeFinalizer('slow');
  await pod.finish('a');
  await pod.serves();
});

test('D15: what cannot be is refused through pods/status as well', async () => {
  const pod = await on.create({ namespace: 'd15-status' });
  const forged = { metadata: { labels: { 'operated.podopslifecycle.kusionstack.io/a': '1' } } };
  await expect(pod.patch(forged, '--subresource=status')).rejects.toThrow(
    'failed to validate PodOpsLifecycleWebhook, not found label done-operation-type.podopslifecycle.kusionstack.io/a',
  );
  expect(pod.labels()).toEqual([AVAILABLE]);
});

test('three operations of two types at once, finished in any order, share one drain', async () => {
  const pod = await on.create({ namespace: 'three', inService: true });
  await pod.begin('a', 'update');
  await pod.begin('b', 'update');
  await pod.begin('c', 'Restart');
  await pod.until('operate/a', 'operate/b', 'operate/c');
  await pod.finish('b');
  await pod.undo('a', 'update');
  await pod.rests();
  expect(pod.isInTraffic).toBe(false);
  await pod.finish('c');
  await pod.serves();
  await expect.poll(() => pod.isInTraffic, { timeout: DEADLINE_MS }).toBe(true);
});
