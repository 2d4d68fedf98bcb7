import { expect, test } from 'vitest';
import { DEADLINE_MS } from './application.ts';
import { lonePods } from './lone-pods.ts';

const NAMESPACE = 'in-vain';
/** The coordinator waits 30 s before it gives up a slot that cannot be used. */
const GIVEN_BACK_MS = 60_000;
const on = lonePods();

/** The verdict of a rule object on the Pod: whether the Pod passes, and the budgets of which it has a slot. */
async function verdictOf(name: string): Promise<{ passed?: boolean; passedRules?: string[] }> {
  const text = await on.cluster.kubectl([
    'get',
    'podtransitionrule',
    name,
    `--namespace=${NAMESPACE}`,
    '--output=json',
  ]);
  return JSON.parse(text).status?.details?.[0] ?? {};
}

const untilVerdict = (name: string, verdict: object, timeout = DEADLINE_MS) =>
  expect.poll(() => verdictOf(name), { timeout }).toMatchObject(verdict);

test('a Pod that comes under a second, permanently used up budget gives back its slot, and passes once both budgets have room', async () => {
  const pod = await on.create({ namespace: NAMESPACE });
  await pod.limit(0, 'first');
  await pod.begin('job-1');
  await untilVerdict('first', { passed: false });
  // The coordinator must not act on the slot until the second rule object exists.
  await on.cluster.stop('podopslifecycle-coordinator');
  await pod.limit(1, 'first');
  await untilVerdict('first', { passed: true, passedRules: ['first'] });
  await pod.limit(0, 'second');
  await untilVerdict('second', { passed: false });
  const since = pod.value('pre-check/job-1');
  await on.cluster.start('podopslifecycle-coordinator');

  await untilVerdict('first', { passed: false }, GIVEN_BACK_MS);
  expect((await verdictOf('first')).passedRules).toBeUndefined();
  expect(pod.value('pre-check/job-1')).toBe(String(BigInt(since ?? 0) + 1n));
  expect(pod.has('operate/job-1')).toBe(false);

  await pod.limit(1, 'second');
  await pod.untilSo('is let go', () => pod.has('operate/job-1'));
});
