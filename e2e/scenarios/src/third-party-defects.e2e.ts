// Checks that the defects D1 to D15 of the Go implementation do not occur. kubectl takes the place of every other controller.
// e2e/scenarios/README.md explains the codes.

import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { AVAILABLE } from './lone-pod.ts';
import { lonePods } from './lone-pods.ts';

const on = lonePods();

test('an operation that begins while another completes runs out of traffic, and both end (D1, D2)', async () => {
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

test('undoing one operation lets the operation that waited for it continue (D3)', async () => {
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

test('an operation on a Pod without the gate ends without a write by another client (D4)', async () => {
  const pod = await on.create({ namespace: 'd4', gated: false });
  expect(pod.pod.spec.readinessGates ?? []).toEqual([]);
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.label('operating/a-');
  await pod.serves();
  expect(pod.gate()).toBeUndefined();
});

test('the expected finalizer of a deleted Service holds no Pod (D5, T22)', async () => {
  const pod = await on.create({ namespace: 'd5' });
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.expect('Service/d5/gone', 'gone');
  await pod.finish('a');
  await pod.serves();
});

test('Pods with the same name in two namespaces do not affect each other (D6)', async () => {
  const [held, free] = [await on.create({ namespace: 'd6-held' }), await on.create({ namespace: 'd6-free' })];
  await held.requireConsent('PreCheck');
  await Promise.all([held.begin('a'), free.begin('a')]);
  await free.until('operate/a');
  await held.rests();
  expect(held.has('pre-check/a')).toBe(true);
});

test('a verdict counts only for the operation it was given for, and no Pod passes before the engine has given one (D7)', async () => {
  const pod = await on.create({ namespace: 'd7' });
  await pod.requireConsent('PreCheck');
  await pod.consent(true);
  await pod.begin('a');
  await pod.until('operate/a');
  await pod.undo('a');
  await pod.serves();
  await on.cluster.stop('podtransitionrule-engine');
  try {
    // The verdict that let the first operation pass is still in the rule's status.
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

test('finishing an operation before its grant undoes it, and leaves no label behind (D8)', async () => {
  const pod = await on.create({ namespace: 'd8' });
  await pod.addFinalizer('slow');
  await pod.begin('a');
  await pod.until('preparing/a');
  await pod.label('operating/a-');
  await pod.serves();
});

test('undoing an operation that does not exist does not undo the next one (D9)', async () => {
  const pod = await on.create({ namespace: 'd9' });
  await pod.undo('a');
  await pod.untilSo('has no undo label', () => !pod.has('undo-operation-type/a'));
  await pod.begin('a');
  await pod.finish('a');
  await pod.serves();
});

test('an operation whose type changes is checked again, and can be finished (D10)', async () => {
  const pod = await on.create({ namespace: 'd10' });
  await pod.requireConsent('PreCheck');
  await pod.consent(true);
  await pod.begin('a', 'update');
  await pod.until('operate/a');
  await pod.consent(false);
  await pod.label('operation-type/a=scale-in');
  await pod.untilSo('is checked again', () => pod.has('pre-check/a') && !pod.has('operate/a'));
  await pod.rests();
  expect(pod.labels().filter((label) => label.startsWith('operation-permission/'))).toEqual([]);
  await pod.consent(true);
  await pod.until('operate/a', 'operation-permission/scale-in');
  await pod.finish('a');
  await pod.serves();
});

test('an operation that begins again while it completes passes every check again (D11)', async () => {
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

test('stay-offline keeps a Pod out of traffic when it is new, when it is idle, and at the end of an operation (D12, T25)', async () => {
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

test('flapping readiness changes service-available, never the gate, and causes no unneeded write (D13, T13, T20)', async () => {
  const pod = await on.create({ namespace: 'd13', inService: true });
  const opened = pod.gate()?.lastTransitionTime;
  for (let flap = 0; flap < 3; flap++) {
    await pod.setReady(false);
    await pod.untilSo('is not available', () => !pod.has(AVAILABLE));
    // The adapter removes its finalizer after its hold. Wait for that, so that it is not counted below.
    await pod.untilSo('has no finalizer', () => (pod.pod.metadata.finalizers ?? []).length === 0);
    await pod.rests(300);
    const versions = pod.versions.length;
    await pod.kubectl('annotate', `flap=${flap}`);
    await pod.rests(300);
    // Only this one write, and no write in response.
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

test('a status report of a node does not block the lifecycle, and the lifecycle does not block the report (D14)', async () => {
  const pod = await on.create({ namespace: 'd14' });
  await on.cluster.stop('podopslifecycle-coordinator');
  try {
    // The operation is half done, and no operator advances it. In the Go implementation the node's write would advance it.
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

test('a replace request without a status gets the Pod no grant (D15)', async () => {
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

test('impossible labels are refused through pods/status too (D15)', async () => {
  const pod = await on.create({ namespace: 'd15-status' });
  const forged = { metadata: { labels: { 'operated.podopslifecycle.kusionstack.io/a': '1' } } };
  await expect(pod.patch(forged, '--subresource=status')).rejects.toThrow(
    'failed to validate PodOpsLifecycleWebhook, not found label done-operation-type.podopslifecycle.kusionstack.io/a',
  );
  expect(pod.labels()).toEqual([AVAILABLE]);
});

test('three concurrent operations of two types share one drain, in whatever order they finish', async () => {
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
