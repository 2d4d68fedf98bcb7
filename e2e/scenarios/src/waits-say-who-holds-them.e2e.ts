import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import type { LonePod } from './lone-pod.ts';
import { lonePods } from './lone-pods.ts';
import { operatorProcesses } from './operators.ts';

const PROGRESSING = 'pod.kusionstack.io/operation-progressing';
const DETAIL = 'detail.podtransitionrule.kusionstack.io/consent';
/** Long enough for an operation without a holder to end before. */
const GRACE_SECONDS = 4;
const DEADLINE_SECONDS = 9;
const on = lonePods({
  operatorEnv: { EXPLAIN_AFTER_SECONDS: `${GRACE_SECONDS}`, STALLED_AFTER_SECONDS: `${DEADLINE_SECONDS}` },
});

const told = (pod: LonePod) => pod.condition(PROGRESSING);
const untilTold = (pod: LonePod, reason: string) => pod.untilSo(`says ${reason}`, () => told(pod)?.reason === reason);

/** The messages of the Pod's condition, without repetitions. */
function saidBy(pod: LonePod): readonly (string | undefined)[] {
  const reasons = pod.versions.map(
    ({ status }) => status?.conditions?.find(({ type }) => type === PROGRESSING)?.reason,
  );
  return reasons.filter((reason, index) => index === 0 || reason !== reasons[index - 1]);
}

async function stalledMetric(): Promise<readonly string[]> {
  const coordinator = operatorProcesses(on.cluster).find(({ name }) => name === 'podopslifecycle-coordinator');
  const text = await (await fetch(`http://127.0.0.1:${coordinator?.httpPort}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith('kuperator_podopslifecycle_stalled{'));
}

test('an operation that does not wait gets no condition', async () => {
  const pod = await on.create({ namespace: 'flows', inService: true });
  await pod.begin('job-1');
  await pod.finish('job-1');
  await pod.serves();
  expect(saidBy(pod)).toEqual([undefined]);
});

test('a held operation names the rule, the traffic controller and the operation controller in turn, stalls, and leaves nothing behind', async () => {
  const pod = await on.create({ namespace: 'held', inService: true });
  await pod.requireConsent('PreCheck');
  await pod.expect('Balancer/held/web', 'slow');
  await pod.addFinalizer('slow');
  await pod.serves();

  await pod.begin('job-1');
  await untilTold(pod, 'WaitingForRules');
  expect(told(pod)?.message).toMatch(/^Restart job-1: rule consent\/consent: .+; in PreCheck since 20/);
  expect(JSON.parse(pod.pod.metadata.annotations?.[DETAIL] ?? '')).toMatchObject({
    stage: 'PreCheck',
    passed: false,
    rejectInfo: [{ ruleName: 'consent' }],
  });
  await untilTold(pod, 'Stalled');
  expect(told(pod)?.status).toBe('False');
  const oneHeldByRules = [expect.stringMatching(/stage="PreCheck",holder="rules".* 1$/)];
  await expect.poll(stalledMetric, { timeout: DEADLINE_MS }).toEqual(oneHeldByRules);
  // The process must not remember anything about it.
  const since = told(pod)?.message?.match(/since .*/)?.[0];
  await on.cluster.restart('podopslifecycle-coordinator');
  await expect.poll(stalledMetric, { timeout: DEADLINE_MS }).toEqual(oneHeldByRules);
  expect(told(pod)?.message).toContain(since);

  await pod.consent(true);
  await untilTold(pod, 'WaitingForTraffic');
  expect(told(pod)?.message).toContain('traffic of Balancer/held/web is not off (finalizer prot.');
  expect(JSON.parse(pod.pod.metadata.annotations?.[DETAIL] ?? '')).toEqual({ stage: 'Unknown', passed: true });
  await pod.removeFinalizer('slow');
  await untilTold(pod, 'WaitingForOperator');
  expect(told(pod)?.message).toContain('operation controller (job-1) has not finished its change; in Operate since 20');
  await pod.finish('job-1');
  await untilTold(pod, 'WaitingForTraffic');
  expect(told(pod)?.message).toContain('traffic of Balancer/held/web is not on (finalizer prot.');
  await pod.addFinalizer('slow');
  await pod.serves();
  await pod.untilSo('says nothing more', () => told(pod) === undefined);
  const events = await on.cluster.kubectl(['get', 'events', '--namespace=held', '--output=json']);
  const reasons = (JSON.parse(events).items as { reason: string }[]).map(({ reason }) => reason);
  expect(reasons).toEqual(
    expect.arrayContaining(['WaitingForRules', 'Stalled', 'WaitingForTraffic', 'WaitingForOperator']),
  );
});

test('without an engine, the condition names the engine, and the wait ends when it starts', async () => {
  const pod = await on.create({ namespace: 'no-engine' });
  await on.cluster.stop('podtransitionrule-engine');
  try {
    await pod.requireConsent('PreCheck');
    await pod.consent(true);
    await pod.begin('job-1');
    await untilTold(pod, 'WaitingForEngine');
    expect(told(pod)?.message).toContain('no verdict from the podtransitionrule-engine on PodTransitionRule consent');
  } finally {
    await on.cluster.start('podtransitionrule-engine');
  }
  await pod.until('operate/job-1');
  expect(told(pod)).toBeUndefined();
});
