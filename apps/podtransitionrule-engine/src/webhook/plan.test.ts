import type { RuleState, TransitionRule, TransitionRuleWebhook } from '@kuperator/api';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Polled } from './answer.ts';
import type { AskedAbout, Outcome } from './outcome.ts';
import { planWebhook, type WebhookPlan } from './plan.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const poll = { url: 'http://approver/poll', intervalSeconds: 3, timeoutSeconds: 60 };

let nowMs: number;
let traces: number;
let asked: Map<string, Outcome<AskedAbout>>;
let polled: Map<string, Outcome<Polled>>;
let stored: RuleState['webhookStatus'];
let webhook: TransitionRuleWebhook;
let ignoreFailures: boolean;

beforeEach(() => {
  nowMs = START;
  traces = 0;
  asked = new Map();
  polled = new Map();
  stored = undefined;
  webhook = { clientConfig: { url: 'http://approver/ask', poll } };
  ignoreFailures = false;
});

const ruleNow = (): TransitionRule => ({ name: 'ask', webhook });

/** One pass over the Pods `names`, stored. Those after `renewed` wait for an operation no verdict has named yet. */
function pass(names: readonly string[], renewed: readonly string[] = []): WebhookPlan {
  const plan = planWebhook(
    ruleNow(),
    { stored, subjects: names.map((name) => ({ name, continues: !renewed.includes(name) })) },
    {
      webhook,
      nowMs,
      ignoreFailures,
      newTraceId: () => `trace-${++traces}`,
      outcomes: { asked: (id) => asked.get(id), polled: (id) => polled.get(id) },
    },
  );
  stored = plan.status;
  return plan;
}

const approvedBy = (plan: WebhookPlan) => [...plan.approved].toSorted();
const answers = (id: string, answer: AskedAbout) =>
  asked.set(id, { running: false, last: { state: 'answered', atMs: nowMs, answer } });
const fails = (id: string, failures = 1) =>
  asked.set(id, { running: false, last: { state: 'failed', atMs: nowMs, error: 'no route', failures } });
const pollAnswers = (id: string, answer: Polled) =>
  polled.set(id, { running: false, last: { state: 'answered', atMs: nowMs, answer } });
const pollFails = (id: string) =>
  polled.set(id, { running: false, last: { state: 'failed', atMs: nowMs, error: 'status 500', failures: 1 } });
const later = (seconds: number) => {
  nowMs += seconds * 1000;
};

/** p1…p3 are asked about, and the approver has a task for them. */
function aTask(names: readonly string[] = ['p1', 'p2', 'p3']): string {
  pass(names);
  answers('trace-1', { success: true, poll: true, taskId: 'task' });
  pass(names);
  return 'trace-1';
}

describe('a question', () => {
  test('is stored with its traceId before it is sent, for all Pods together (H9)', () => {
    const plan = pass(['p1', 'p2']);
    expect(plan.calls).toEqual([{ kind: 'ask', id: 'trace-1', names: ['p1', 'p2'] }]);
    expect(stored?.taskStates).toEqual([
      { traceId: 'trace-1', processing: ['p1', 'p2'], beginTime: '2026-01-01T00:00:00.000Z' },
    ]);
    expect(plan.approved.size).toBe(0);
    expect(plan.reasons.get('p1')).toBe('about to be asked');
  });

  test.each([
    { name: 'an approval', answer: { success: true }, approved: ['p1', 'p2'], again: ['p3'] },
    { name: 'a task', answer: { success: true, poll: true, taskId: 'task' }, approved: [], again: ['p3'] },
    { name: 'a refusal', answer: { success: false }, approved: [], again: ['p3'] },
  ])('covers as many Pods as fit, and another question covers the rest: $name', ({ answer, approved, again }) => {
    pass(['p1', 'p2', 'p3']);
    answers('trace-1', { ...answer, about: ['p1', 'p2'] });
    const plan = pass(['p1', 'p2', 'p3']);
    expect(approvedBy(plan)).toEqual(approved);
    expect(plan.calls).toMatchObject([{ kind: 'ask', names: again }]);
    expect(plan.reasons.get('p3')).toBe('about to be asked');
  });

  test('keeps its traceId across a restart (H9)', () => {
    pass(['p1']);
    expect(pass(['p1']).calls).toEqual([{ kind: 'ask', id: 'trace-1', names: ['p1'] }]);
  });

  test('is not repeated while it is in progress', () => {
    pass(['p1']);
    asked.set('trace-1', { running: true });
    const plan = pass(['p1', 'p2']);
    expect(plan.calls).toEqual([]);
    expect(plan.reasons.get('p1')).toBe('asked, and has not answered yet');
    expect(plan.reasons.get('p2')).toBe('asked about once it has answered about others');
  });

  test('answered with success and no task lets all its Pods pass, named or not', () => {
    pass(['p1', 'p2']);
    answers('trace-1', { success: true, finishedNames: ['p2', 'stranger'] });
    const plan = pass(['p1', 'p2', 'p3']);
    expect(approvedBy(plan)).toEqual(['p1', 'p2']);
    expect(plan.calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p3'] }]);
  });

  test('refused without names lets no Pod pass and is asked again after 5 s, with a new traceId', () => {
    pass(['p1']);
    answers('trace-1', { success: false, message: 'not on Fridays', poll: true });
    const plan = pass(['p1']);
    expect(approvedBy(plan)).toEqual([]);
    expect(plan.reasons.get('p1')).toBe('refused: not on Fridays');
    expect(plan.dueAtMs).toBe(START + 5000);
    later(4.9);
    expect(pass(['p1']).calls).toEqual([]);
    later(0.2);
    expect(pass(['p1']).calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p1'] }]);
  });

  test('refused with names lets the named Pods pass', () => {
    pass(['p1', 'p2']);
    answers('trace-1', { success: false, finishedNames: ['p2'] });
    const plan = pass(['p1', 'p2']);
    expect(approvedBy(plan)).toEqual(['p2']);
    expect(plan.reasons.get('p1')).toBe('refused: no reason given');
  });

  test('refused does not delay Pods that arrive later, and is then combined with theirs', () => {
    pass(['p1']);
    answers('trace-1', { success: false });
    pass(['p1']);
    later(1);
    expect(pass(['p1', 'p2']).calls).toEqual([{ kind: 'ask', id: 'trace-3', names: ['p2'] }]);
    answers('trace-3', { success: false });
    pass(['p1', 'p2']);
    later(6);
    expect(pass(['p1', 'p2', 'p3']).calls).toEqual([{ kind: 'ask', id: 'trace-5', names: ['p1', 'p2', 'p3'] }]);
    expect(stored?.taskStates).toHaveLength(1);
  });

  test('that fails is repeated with its traceId and growing delays, and new Pods wait with it (H7)', () => {
    pass(['p1']);
    fails('trace-1');
    const plan = pass(['p1', 'p2']);
    expect(plan.calls).toEqual([]);
    expect([...plan.reasons.values()]).toEqual(['no route', 'no route']);
    expect(plan.dueAtMs).toBe(START + 1000);
    later(1);
    expect(pass(['p1', 'p2']).calls).toEqual([{ kind: 'ask', id: 'trace-1', names: ['p1'] }]);
    for (const [failures, seconds] of [
      [2, 2],
      [3, 4],
      [7, 60],
      [99, 60],
    ]) {
      fails('trace-1', failures);
      expect(pass(['p1', 'p2']).dueAtMs).toBe(nowMs + (seconds ?? 0) * 1000);
    }
    answers('trace-1', { success: true });
    expect(pass(['p1', 'p2']).calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p2'] }]);
  });

  test('keeps its reason while it is repeated, so that no write is needed', () => {
    pass(['p1']);
    fails('trace-1');
    const before = pass(['p1']);
    const outcome = asked.get('trace-1');
    if (outcome) asked.set('trace-1', { ...outcome, running: true });
    const during = pass(['p1']);
    expect(during.calls).toEqual([]);
    expect([during.reasons, during.status]).toEqual([before.reasons, before.status]);
  });

  test('drops Pods that no longer wait, and Pods that now wait for something else', () => {
    pass(['p1', 'p2', 'p3']);
    answers('trace-1', { success: true });
    const plan = pass(['p1', 'p2'], ['p2']);
    expect(approvedBy(plan)).toEqual(['p1']);
    expect(plan.calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p2'] }]);
  });

  test.each([
    { name: 'a task without an id', answer: { success: true, poll: true }, says: 'without a taskId' },
    {
      name: 'a task although there is no poll URL',
      answer: { success: true, async: true, taskId: 't' },
      says: 'has no clientConfig.poll',
    },
  ])('answered with $name lets no Pod pass, not even a named one, and is asked again (H7)', ({ answer, says }) => {
    if (answer.async) webhook = { clientConfig: { url: 'http://approver/ask' } };
    pass(['p1']);
    answers('trace-1', { ...answer, finishedNames: ['p1'] });
    const plan = pass(['p1']);
    expect(approvedBy(plan)).toEqual([]);
    expect(plan.reasons.get('p1')).toContain(says);
    expect(plan.dueAtMs).toBe(START + 5000);
  });

  test('is asked again if the approver changes, and the answer of the former approver is ignored', () => {
    pass(['p1']);
    answers('trace-1', { success: true });
    webhook = { clientConfig: { url: 'http://other/ask' } };
    const plan = pass(['p1']);
    expect(approvedBy(plan)).toEqual([]);
    expect(plan.calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p1'] }]);
  });
});

describe('a task', () => {
  test('is stored with its id, and polled after one interval (T72)', () => {
    aTask();
    expect(stored?.taskStates).toEqual([
      {
        taskId: 'task',
        traceId: 'trace-1',
        processing: ['p1', 'p2', 'p3'],
        approved: [],
        beginTime: '2026-01-01T00:00:00.000Z',
      },
    ]);
    const early = pass(['p1', 'p2', 'p3']);
    expect([early.calls, early.dueAtMs]).toEqual([[], START + 3000]);
    expect([...early.reasons.values()]).toEqual(Array(3).fill('task task is in progress'));
    later(3);
    expect(pass(['p1', 'p2', 'p3']).calls).toEqual([{ kind: 'poll', id: 'trace-1', taskId: 'task' }]);
  });

  test('without a taskId uses the traceId of the answer', () => {
    pass(['p1']);
    answers('trace-1', { success: true, async: true, traceId: 'theirs' });
    pass(['p1']);
    expect(stored?.taskStates).toMatchObject([{ taskId: 'theirs' }]);
  });

  test('lets the Pods pass at once that its first answer names', () => {
    pass(['p1', 'p2']);
    answers('trace-1', { success: true, poll: true, taskId: 't', finishedNames: ['p2'] });
    expect(approvedBy(pass(['p1', 'p2']))).toEqual(['p2']);
    expect(stored?.taskStates).toMatchObject([{ processing: ['p1'], approved: ['p2'] }]);
  });

  test('lets the Pods pass that a poll names, with or without success, and is polled again', () => {
    const id = aTask();
    later(3);
    pollAnswers(id, { success: false, finishedNames: ['p2', 'stranger'] });
    const plan = pass(['p1', 'p2', 'p3']);
    expect(approvedBy(plan)).toEqual(['p2']);
    expect(stored?.taskStates).toMatchObject([
      { processing: ['p1', 'p3'], approved: ['p2'], lastTime: '2026-01-01T00:00:03.000Z' },
    ]);
    expect(plan.dueAtMs).toBe(START + 6000);
  });

  test('that is finished lets all its Pods pass, named or not, and becomes history', () => {
    const id = aTask();
    later(3);
    pollAnswers(id, { success: true, finished: true, finishedNames: ['p1'], message: 'done' });
    expect(approvedBy(pass(['p1', 'p2', 'p3']))).toEqual(['p1', 'p2', 'p3']);
    expect(stored?.taskStates).toBeUndefined();
    expect(stored?.history).toMatchObject([
      {
        taskId: 'task',
        processing: [],
        approved: ['p1', 'p2', 'p3'],
        lastTime: '2026-01-01T00:00:03.000Z',
        message: 'done',
      },
    ]);
  });

  test('that is finished without success lets no Pod pass and stays', () => {
    const id = aTask();
    later(3);
    pollAnswers(id, { success: false, finished: true });
    expect(approvedBy(pass(['p1', 'p2', 'p3']))).toEqual([]);
    expect(stored?.taskStates).toHaveLength(1);
  });

  test('that is stopped keeps its approvals, and the engine asks about the other Pods one interval later', () => {
    const id = aTask();
    later(3);
    pollAnswers(id, { success: true, stop: true, finishedNames: ['p1', 'p2'], message: 'closed' });
    const plan = pass(['p1', 'p2', 'p3']);
    expect(approvedBy(plan)).toEqual(['p1', 'p2']);
    expect(plan.calls).toEqual([]);
    expect(plan.reasons.get('p3')).toBe('stopped: closed');
    expect(stored?.history).toMatchObject([{ processing: ['p3'], approved: ['p1', 'p2'] }]);
    expect(plan.dueAtMs).toBe(nowMs + 3000);
    later(3);
    expect(pass(['p3']).calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p3'] }]);
  });

  test('whose poll fails lets no Pod pass, gives the reason, and is polled until it times out (H7)', () => {
    const id = aTask();
    later(3);
    pollFails(id);
    const plan = pass(['p1', 'p2', 'p3']);
    expect(approvedBy(plan)).toEqual([]);
    expect(plan.reasons.get('p1')).toBe('status 500');
    expect(plan.dueAtMs).toBe(START + 6000);
    later(56);
    pollFails(id);
    expect(pass(['p1', 'p2', 'p3']).dueAtMs).toBe(START + 60_000);
    later(1);
    const end = pass(['p1', 'p2', 'p3']);
    expect(end.calls).toEqual([]);
    expect(end.reasons.get('p1')).toBe('polling timed out: status 500');
    expect(stored?.history).toMatchObject([{ taskId: 'task', message: 'polling timed out: status 500' }]);
  });

  test('is not polled twice at the same time, and times out even if a poll hangs', () => {
    const id = aTask();
    later(3);
    polled.set(id, { running: true });
    const plan = pass(['p1', 'p2', 'p3']);
    expect([plan.calls, plan.dueAtMs]).toEqual([[], START + 60_000]);
    later(57);
    expect(pass(['p1', 'p2', 'p3']).reasons.get('p1')).toBe('polling timed out: the task did not finish');
  });

  test('continues after a restart, with the same deadline (H7)', () => {
    aTask();
    later(20);
    asked.clear();
    expect(pass(['p1', 'p2', 'p3']).calls).toEqual([{ kind: 'poll', id: 'trace-1', taskId: 'task' }]);
    later(40);
    expect(pass(['p1', 'p2', 'p3']).reasons.get('p1')).toContain('timed out');
  });

  test('of the Go implementation, which stores no traceId, is still polled', () => {
    aTask();
    stored = { ...stored, taskStates: [{ taskId: 'go', processing: ['p1'], beginTime: '2026-01-01T00:00:00Z' }] };
    later(3);
    expect(pass(['p1']).calls).toEqual([{ kind: 'poll', id: 'go', taskId: 'go' }]);
  });

  test('that no Pod waits for any more becomes history', () => {
    aTask();
    expect(pass([]).calls).toEqual([]);
    expect(stored).toMatchObject({ history: [{ taskId: 'task', message: 'abandoned: no Pod waits for it any more' }] });
    expect(stored?.taskStates).toBeUndefined();
  });

  test('does not apply to a Pod that returns with another operation (H5)', () => {
    const id = aTask();
    later(3);
    pollAnswers(id, { success: true, finished: true });
    const plan = pass(['p1', 'p2'], ['p2']);
    expect(approvedBy(plan)).toEqual(['p1']);
    expect(plan.calls).toEqual([{ kind: 'ask', id: 'trace-2', names: ['p2'] }]);
  });

  test('whose poll settings were removed ends, with the reason (H7)', () => {
    aTask();
    webhook = { clientConfig: { url: 'http://approver/ask' } };
    const plan = pass(['p1', 'p2', 'p3']);
    expect(approvedBy(plan)).toEqual([]);
    expect(plan.reasons.get('p1')).toBe('the rule has no clientConfig.poll any more');
  });
});

describe('history', () => {
  test('is kept for ten minutes', () => {
    aTask();
    pass([]);
    later(599);
    expect(pass([]).status.history).toHaveLength(1);
    later(1);
    expect(pass([]).status.history).toBeUndefined();
  });

  test('contains at most ten tasks, in an order that does not depend on the cache', () => {
    const entry = (second: number) => ({
      taskId: `t${second}`,
      lastTime: new Date(START + second * 1000).toISOString(),
    });
    const entries = Array.from({ length: 12 }, (_, second) => entry(second));
    later(20);
    stored = { history: [...entries.toReversed(), { taskId: 'endless' }] };
    expect(pass([]).status.history).toEqual(entries.slice(2));
  });
});

describe('if failures are to be ignored', () => {
  beforeEach(() => {
    ignoreFailures = true;
  });

  test('a call that fails approves', () => {
    pass(['p1']);
    fails('trace-1');
    const plan = pass(['p1']);
    expect([approvedBy(plan), plan.ignored]).toEqual([['p1'], ['no route']]);
  });

  test('an answer that cannot be used approves', () => {
    pass(['p1']);
    answers('trace-1', { success: true, poll: true });
    expect(approvedBy(pass(['p1']))).toEqual(['p1']);
  });

  test('a task that times out approves if its polls fail', () => {
    const id = aTask();
    later(60);
    pollFails(id);
    expect(approvedBy(pass(['p1', 'p2', 'p3']))).toEqual(['p1', 'p2', 'p3']);
  });

  test('a refusal does not approve, nor does a task that is stopped or takes too long', () => {
    pass(['p1']);
    answers('trace-1', { success: false });
    expect(approvedBy(pass(['p1']))).toEqual([]);
    beforeEachTask();
    pollAnswers('trace-1', { success: true, stop: true });
    expect(approvedBy(pass(['p1', 'p2', 'p3']))).toEqual([]);
    beforeEachTask();
    pollAnswers('trace-1', { success: true });
    later(60);
    expect(approvedBy(pass(['p1', 'p2', 'p3']))).toEqual([]);
  });

  function beforeEachTask() {
    stored = undefined;
    traces = 0;
    asked.clear();
    polled.clear();
    aTask();
  }
});
