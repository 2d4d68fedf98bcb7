import type { Pod, PodTransitionRule, RuleDetail } from '@kuperator/api';
import type { CheckRequest } from '@kuperator/lifecycle';
import { describe, expect, test } from 'vitest';
import { verdictFor } from './verdict.ts';

const pod: Pod = {
  metadata: { name: 'a', namespace: 'default', uid: 'uid-a', labels: { app: 'web' } },
  spec: { containers: [] },
};
const request: CheckRequest = { id: 'collaset', type: 'update', stage: 'PreCheck', since: '7' };
const passedDetail: RuleDetail = {
  name: 'a',
  uid: 'uid-a',
  stage: 'PreCheck',
  passed: true,
  operations: [{ id: 'collaset', since: '7' }],
};

function rule(detail: RuleDetail | undefined, change: Partial<PodTransitionRule['metadata']> = {}): PodTransitionRule {
  return {
    metadata: { name: 'budget', namespace: 'default', generation: 2, ...change },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      rules: [{ name: 'r', availablePolicy: { maxUnavailableValue: 1 } }],
    },
    status: { observedGeneration: 2, details: detail ? [detail] : [] },
  };
}

describe('verdictFor', () => {
  test('passes where no rule selects the Pod', () => {
    const other = { ...rule(undefined), spec: { ...rule(undefined).spec, selector: { matchLabels: { app: 'db' } } } };
    expect(verdictFor(pod, [other], request)).toEqual({ passed: true, heldBy: [] });
  });

  test('passes with a verdict for this Pod, stage, operation and time', () => {
    expect(verdictFor(pod, [rule(passedDetail)], request).passed).toBe(true);
  });

  test.each([
    { name: 'a rule that has not seen the Pod (T74, H1)', held: rule(undefined) },
    {
      name: 'a verdict for an earlier run (D7)',
      held: rule({ ...passedDetail, operations: [{ id: 'collaset', since: '6' }] }),
    },
    {
      name: 'a verdict for another operation (D7)',
      held: rule({ ...passedDetail, operations: [{ id: 'job', since: '7' }] }),
    },
    {
      name: 'a verdict without operations, as the Go engine writes it',
      held: rule({ name: 'a', stage: 'PreCheck', passed: true }),
    },
    { name: 'a verdict for a Pod of the same name that is gone', held: rule({ ...passedDetail, uid: 'uid-old' }) },
    { name: 'a verdict for the other stage (T21)', held: rule({ ...passedDetail, stage: 'PostCheck' }) },
    { name: 'a verdict of an older generation of the rule', held: rule(passedDetail, { generation: 3 }) },
    {
      name: 'a refusal',
      held: rule({ ...passedDetail, passed: false, rejectInfo: [{ ruleName: 'r', reason: 'no slot' }] }),
    },
  ])('is held by $name', ({ held }) => {
    const verdict = verdictFor(pod, [rule(passedDetail), held], request);
    expect(verdict.passed).toBe(false);
    expect(verdict.heldBy.map((hold) => hold.rule)).toEqual(['budget']);
  });

  test('says which rule refuses and why', () => {
    const refused = rule({ ...passedDetail, passed: false, rejectInfo: [{ ruleName: 'r', reason: 'no slot' }] });
    expect(verdictFor(pod, [refused], request).heldBy).toEqual([
      { by: 'rules', rule: 'budget', name: 'r', reason: 'no slot' },
    ]);
  });

  test.each([
    { reason: 'rule r: no slot', named: { rule: 'budget', name: 'r', reason: 'no slot' } },
    { reason: 'rule other/s: no slot; waits', named: { rule: 'other', name: 's', reason: 'no slot; waits' } },
    { reason: 'rule: odd', named: { rule: 'budget', name: 'r', reason: 'rule: odd' } },
  ])('names the rule that refuses first, once: $reason', ({ reason, named }) => {
    const refused = rule({ ...passedDetail, passed: false, rejectInfo: [{ ruleName: 'r', reason }] });
    expect(verdictFor(pod, [refused], request).heldBy).toEqual([{ by: 'rules', ...named }]);
  });

  test('does not wait in a stage for which the object has no enabled rule', () => {
    expect(verdictFor(pod, [rule(undefined)], { ...request, stage: 'PostCheck' }).passed).toBe(true);
    const disabled = { ...rule(undefined), spec: { ...rule(undefined).spec, rules: [{ name: 'r', disabled: true }] } };
    expect(verdictFor(pod, [disabled], request).passed).toBe(true);
  });

  test('does not wait for a rule that is being deleted', () => {
    expect(verdictFor(pod, [rule(undefined, { deletionTimestamp: '2026-01-01T00:00:00Z' })], request).passed).toBe(
      true,
    );
  });
});

test('asked about each of a thousand waiting Pods, it reads their verdicts once, not once for each', () => {
  let reads = 0;
  const details = Array.from({ length: 1000 }, (_, at) => ({
    ...passedDetail,
    get name() {
      reads += 1;
      return `p${at}`;
    },
  }));
  const waiting = { ...rule(undefined), status: { observedGeneration: 2, details } };
  const asked = details.map((_, at) => ({ ...pod, metadata: { ...pod.metadata, name: `p${at}` } }));
  for (const each of asked) expect(verdictFor(each, [waiting], request).passed).toBe(true);
  expect(reads).toBeLessThanOrEqual(2 * details.length);
});
