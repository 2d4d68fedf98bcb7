import { describe, expect, test } from 'vitest';
import { afterPass, aPod, aRule, maxUnavailable, requiresLabel, waitingPods } from '../test/samples.ts';
import { changeOf, decidedBy, restWaitMs } from './status.ts';

const pods = waitingPods(3);
const rule = afterPass(aRule([maxUnavailable(1)]), pods);
const statusOver = (...now: typeof pods) => afterPass(rule, now).status ?? {};

describe('when a new status is worth a write', () => {
  test('the same Pods cause no write, even if their versions changed (H10)', () => {
    const touched = pods.map((pod) => ({ ...pod, metadata: { ...pod.metadata, resourceVersion: '77' } }));
    expect(changeOf(rule, statusOver(...touched))).toBe('none');
  });

  test('a Pod that may pass is urgent', () => {
    expect(changeOf(rule, statusOver(...pods, aPod({ name: 'p4', available: false, preCheck: { op: '9' } })))).toBe(
      'verdicts',
    );
    const served = [aPod({ name: 'p1' }), ...pods.slice(1)];
    expect(changeOf(rule, statusOver(...served))).toBe('verdicts');
  });

  test('a Pod that may no longer pass is urgent', () => {
    const none = { ...rule, spec: { ...rule.spec, rules: [maxUnavailable(1), requiresLabel('ready')] } };
    expect(changeOf(rule, afterPass(none, pods).status ?? {})).toBe('verdicts');
  });

  test('a Pod that enters the stage and is refused is not urgent, because it also waits without a verdict', () => {
    expect(changeOf(rule, statusOver(...pods, aPod({ name: 'p4', preCheck: { op: '9' } })))).toBe('rest');
  });

  test('numbers in a reason, a new target and a Pod that left its stage are not urgent', () => {
    expect(changeOf(rule, statusOver(...pods, aPod({ name: 'p4', available: false })))).toBe('rest');
    expect(changeOf(rule, statusOver(...pods.slice(0, 2), aPod({ name: 'p3' })))).toBe('rest');
  });

  test('a Pod in a stage without rules is not urgent, because the coordinator does not ask', () => {
    const done = aPod({ name: 'p3', available: false, postCheck: { op: '9' } });
    expect(changeOf(rule, statusOver(...pods.slice(0, 2), done))).toBe('rest');
  });

  test('a new spec is always urgent, even if the verdicts are the same (T64)', () => {
    const edited = { ...rule, metadata: { ...rule.metadata, generation: 2 } };
    expect(changeOf(edited, afterPass(edited, pods).status ?? {})).toBe('verdicts');
  });

  test('the Pods with another answer or other operations count as decided', () => {
    const next = statusOver(...pods.slice(0, 2), aPod({ name: 'p3', preCheck: { op: '1002', more: '9' } }));
    expect(decidedBy(rule.status, next).map(({ name }) => name)).toEqual(['p3']);
    expect(decidedBy(undefined, next)).toHaveLength(3);
  });
});

test.each([
  { name: 'was just written', updateTime: '2026-01-01T00:00:09.700Z', waitMs: 700 },
  { name: 'was written long ago', updateTime: '2026-01-01T00:00:00Z', waitMs: 0 },
  { name: 'was never written', updateTime: undefined, waitMs: 0 },
  { name: 'has a time from a clock that is ahead', updateTime: '2026-01-01T01:00:00Z', waitMs: 0 },
])('a change that is not urgent waits $waitMs ms if the status $name', ({ updateTime, waitMs }) => {
  const now = Date.parse('2026-01-01T00:00:10Z');
  expect(restWaitMs(updateTime ? { updateTime } : {}, now, 1000)).toBe(waitMs);
});
