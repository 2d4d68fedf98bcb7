import { type Condition, type Pod, type PodTransitionRule, SERVICE_READY_GATE, stageLabel } from '@kuperator/api';
import { PROGRESSING } from '@kuperator/holders';
import { describe, expect, test } from 'vitest';
import { explain, stalledWaits } from './explain.ts';

const START = Date.UTC(2026, 0, 1);
const START_NANOS = `${BigInt(START) * 1_000_000n}`;
const limits = { graceMs: 10_000, deadlineMs: 600_000 };
const after = (seconds: number) => START + seconds * 1000;

type Given = { labels?: Record<string, string>; present?: Condition; gate?: 'True' | 'False'; ready?: boolean };

function pod({ labels = {}, present, gate = 'True', ready = true }: Given): Pod {
  return {
    metadata: { name: 'a', namespace: 'default', uid: 'uid-a', labels: { app: 'web', ...labels } },
    spec: { containers: [], readinessGates: [{ conditionType: SERVICE_READY_GATE }] },
    status: {
      conditions: [
        { type: SERVICE_READY_GATE, status: gate },
        { type: 'Ready', status: ready ? 'True' : 'False' },
        ...(present ? [present] : []),
      ],
    },
  };
}

const begun = (id: string) => ({ [stageLabel('operating', id)]: '1', [stageLabel('operation-type', id)]: 'Restart' });
const inPreCheck = { ...begun('job'), [stageLabel('pre-check', 'job')]: START_NANOS };
const inOperate = {
  ...begun('job'),
  [stageLabel('pre-checked', 'job')]: START_NANOS,
  [stageLabel('operate', 'job')]: START_NANOS,
};

function rule(reason: string): PodTransitionRule {
  return {
    metadata: { name: 'budget', namespace: 'default', generation: 1 },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      rules: [{ name: 'slots', availablePolicy: { maxUnavailableValue: 1 } }],
    },
    status: {
      observedGeneration: 1,
      details: [
        {
          name: 'a',
          uid: 'uid-a',
          stage: 'PreCheck',
          passed: false,
          rejectInfo: [{ ruleName: 'slots', reason }],
          operations: [{ id: 'job', since: START_NANOS }],
        },
      ],
    },
  };
}

const unevaluated: PodTransitionRule = { ...rule(''), status: {} };
const waiting = (change: Partial<Condition> = {}): Condition => ({
  type: PROGRESSING,
  status: 'True',
  reason: 'WaitingForRules',
  message: 'Restart job: rule budget/slots: 1 of 10 is out; in PreCheck since 2026-01-01T00:00:00Z',
  lastTransitionTime: '2026-01-01T00:00:10.000Z',
  ...change,
});

describe('explain', () => {
  test('reports nothing before the grace time, and says when to check again', () => {
    expect(
      explain(pod({ labels: inPreCheck }), { facts: { rules: [rule('1 of 10 is out')], nowMs: after(4) }, limits }),
    ).toEqual({
      annotations: {},
      isDue: false,
      nextMs: 6000,
      reported: { text: expect.stringContaining('# of # is out') },
    });
  });

  test('names the rule object, the rule and its reason after the grace time, also in the Pod’s annotation', () => {
    expect(
      explain(pod({ labels: inPreCheck }), { facts: { rules: [rule('1 of 10 is out')], nowMs: after(10) }, limits }),
    ).toEqual({
      condition: waiting(),
      annotations: {
        'detail.podtransitionrule.kusionstack.io/budget':
          '{"stage":"PreCheck","passed":false,"rejectInfo":[{"ruleName":"slots","reason":"1 of 10 is out"}]}',
      },
      isDue: true,
      nextMs: 590_000,
      reported: { text: expect.stringContaining('# of # is out') },
    });
  });

  test('names the engine while it has not evaluated the rule', () => {
    const { condition } = explain(pod({ labels: inPreCheck }), {
      facts: { rules: [unevaluated], nowMs: after(60) },
      limits,
    });
    expect(condition).toMatchObject({ status: 'True', reason: 'WaitingForEngine' });
    expect(condition?.message).toContain(
      'Restart job: no verdict from the podtransitionrule-engine on PodTransitionRule budget',
    );
  });

  test('costs no write while only the counts in a reason change', () => {
    const present = waiting();
    const moved = explain(pod({ labels: inPreCheck, present }), {
      facts: { rules: [rule('9 of 12 is out')], nowMs: after(60) },
      limits,
    });
    expect(moved).not.toHaveProperty('condition');
    expect(moved.isDue).toBe(false);
  });

  test('reports another holder after the report has been out of date for the grace time', () => {
    const held = pod({ labels: inOperate, present: waiting(), gate: 'False' });
    const first = explain(held, { facts: { rules: [], nowMs: after(11) }, limits });
    expect(first).toMatchObject({ isDue: false, nextMs: 10_000 });
    expect(first).not.toHaveProperty('condition');
    const { condition, isDue } = explain(held, {
      facts: { rules: [], nowMs: after(21) },
      limits,
      before: first.reported,
    });
    expect(isDue).toBe(true);
    expect(condition).toMatchObject({
      status: 'True',
      reason: 'WaitingForOperator',
      message:
        'Restart job: operation controller (job) has not finished its change; in Operate since 2026-01-01T00:00:00Z',
      lastTransitionTime: '2026-01-01T00:00:10.000Z',
    });
  });

  test('turns Stalled at the deadline, once', () => {
    const stalled = explain(pod({ labels: inPreCheck, present: waiting() }), {
      facts: { rules: [rule('1 of 10 is out')], nowMs: after(600) },
      limits,
    });
    expect(stalled.condition).toMatchObject({
      status: 'False',
      reason: 'Stalled',
      message: waiting().message,
      lastTransitionTime: '2026-01-01T00:10:00.000Z',
    });
    const present = stalled.condition as Condition;
    expect(
      explain(pod({ labels: inPreCheck, present }), {
        facts: { rules: [rule('1 of 10 is out')], nowMs: after(700) },
        limits,
      }).isDue,
    ).toBe(false);
  });

  test('is removed with the next write when the operation goes on', () => {
    const moved = { ...inOperate, [stageLabel('operate', 'job')]: `${BigInt(after(60)) * 1_000_000n}` };
    const step = explain(pod({ labels: moved, present: waiting(), gate: 'False' }), {
      facts: { rules: [], nowMs: after(61) },
      limits,
    });
    expect(step).toMatchObject({ condition: null, isDue: false });
  });

  test.each([
    { name: 'when no operation is left', labels: {}, present: waiting() },
    {
      name: 'when a stalled operation goes on',
      labels: { ...inOperate, [stageLabel('operate', 'job')]: `${BigInt(after(899)) * 1_000_000n}` },
      present: waiting({ status: 'False', reason: 'Stalled' }),
    },
  ])('goes at once $name', ({ labels, present }) => {
    expect(explain(pod({ labels, present }), { facts: { rules: [], nowMs: after(900) }, limits })).toMatchObject({
      condition: null,
      isDue: true,
    });
  });

  test('reports a label without a time at once, and counts from the report on', () => {
    const labels = { ...inOperate, [stageLabel('operate', 'job')]: 'yes' };
    const first = explain(pod({ labels, gate: 'False' }), { facts: { rules: [], nowMs: after(0) }, limits });
    expect(first).toMatchObject({ condition: { status: 'True' }, isDue: true });
    const present = first.condition as Condition;
    expect(
      explain(pod({ labels, present, gate: 'False' }), { facts: { rules: [], nowMs: after(599) }, limits }).isDue,
    ).toBe(false);
    expect(
      explain(pod({ labels, present, gate: 'False' }), { facts: { rules: [], nowMs: after(600) }, limits }).condition,
    ).toMatchObject({
      status: 'False',
    });
  });

  test('a clock ahead of ours only delays the report', () => {
    expect(
      explain(pod({ labels: inPreCheck }), { facts: { rules: [rule('x')], nowMs: after(-60) }, limits }),
    ).toMatchObject({
      isDue: false,
      nextMs: 70_000,
    });
  });
});

describe('the detail annotation', () => {
  const annotated = (given: Given, value: string): Pod => {
    const bare = pod(given);
    return {
      ...bare,
      metadata: { ...bare.metadata, annotations: { 'detail.podtransitionrule.kusionstack.io/budget': value } },
    };
  };
  const UNKNOWN = '{"stage":"Unknown","passed":true}';

  test('becomes Unknown with the next write after the Pod has left the stage', () => {
    const moved = { ...inOperate, [stageLabel('operate', 'job')]: `${BigInt(after(60)) * 1_000_000n}` };
    expect(
      explain(annotated({ labels: moved }, '{}'), { facts: { rules: [rule('x')], nowMs: after(61) }, limits }),
    ).toMatchObject({
      annotations: { 'detail.podtransitionrule.kusionstack.io/budget': UNKNOWN },
      isDue: false,
    });
    expect(
      explain(annotated({}, UNKNOWN), { facts: { rules: [rule('x')], nowMs: after(61) }, limits }).annotations,
    ).toEqual({});
  });

  test('is removed when the rule does not select the Pod any more (T71)', () => {
    expect(explain(annotated({}, UNKNOWN), { facts: { rules: [], nowMs: after(61) }, limits }).annotations).toEqual({
      'detail.podtransitionrule.kusionstack.io/budget': null,
    });
  });
});

test('stalledWaits counts operations by stage and holder, beyond the deadline', () => {
  expect(stalledWaits(pod({ labels: inPreCheck }), { rules: [unevaluated], nowMs: after(599) }, limits)).toEqual([]);
  expect(stalledWaits(pod({ labels: inPreCheck }), { rules: [unevaluated], nowMs: after(600) }, limits)).toMatchObject([
    { holder: { kind: 'engine' }, operation: { stage: 'PreCheck' } },
  ]);
});
