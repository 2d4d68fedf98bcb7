import type { TransitionRule, WebhookTask } from '@kuperator/api';
import { type FollowContext, type Followed, followQuestion, followTask } from './follow.ts';
import { questionHash } from './question.ts';
import { askingTask, endedTask, historyOf, idOf, isPolled, sortedTasks, type WebhookStatus } from './task.ts';

/** A Pod that passes everything before the webhook and has not been approved. */
export type Subject = {
  readonly name: string;
  /** It waits for nothing but what the last stored verdict names: what was asked about it since still holds. */
  readonly continues: boolean;
};

/** A call to make once the status is stored; doing it again while it is under way does nothing. */
export type WebhookCall =
  | { readonly kind: 'ask'; readonly id: string; readonly names: readonly string[] }
  | { readonly kind: 'poll'; readonly id: string; readonly taskId: string };

export type WebhookPlan = {
  readonly status: WebhookStatus;
  readonly approved: ReadonlySet<string>;
  /** Why each other subject waits. */
  readonly reasons: ReadonlyMap<string, string>;
  readonly calls: readonly WebhookCall[];
  /** When to look again, if no call ends before. */
  readonly dueAtMs: number | undefined;
  /** Failures that were taken for approvals. */
  readonly ignored: readonly string[];
};

type Step = Followed & { readonly task: WebhookTask };

/**
 * The next step of a webhook rule, for all its Pods. Pure. Pods no task is about are asked about together; questions go
 * one at a time, so that what comes meanwhile gathers, and an approver that is down hears one and not one per Pod.
 */
export function planWebhook(
  rule: TransitionRule,
  { stored, subjects }: { readonly stored: WebhookStatus | undefined; readonly subjects: readonly Subject[] },
  context: FollowContext,
): WebhookPlan {
  const { nowMs } = context;
  const question = questionHash(rule);
  const tasks = stored?.taskStates ?? [];
  const isSame = stored?.question === question;
  const steps: Step[] = [];
  const abandoned: WebhookTask[] = [];
  const claimed = new Set<string>();
  const continuing = new Set(subjects.filter(({ continues }) => continues).map(({ name }) => name));
  for (const task of tasks) {
    const live = isSame ? (task.processing ?? []).filter((name) => continuing.has(name) && !claimed.has(name)) : [];
    for (const name of live) claimed.add(name);
    if (live.length > 0) steps.push({ task, ...(isPolled(task) ? followTask : followQuestion)(task, live, context) });
    else if (isPolled(task)) abandoned.push(endedTask(task, nowMs, 'abandoned: nobody waits for it any more'));
  }

  const kept = new Set(steps.flatMap(({ next, approved }) => [...(next?.processing ?? []), ...approved]));
  const unasked = subjects.filter(({ name }) => !kept.has(name)).map(({ name }) => name);
  const { open, calls, waitsFor } = nextQuestion(steps, unasked, context);
  const polls = steps.flatMap(({ next, callAtMs }) => {
    const isDue = next?.taskId && callAtMs !== undefined && callAtMs <= nowMs;
    return isDue ? [{ kind: 'poll' as const, id: idOf(next), taskId: next.taskId ?? '' }] : [];
  });

  const reasons = new Map(unasked.map((name) => [name, waitsFor]));
  for (const { next, reason = '' } of steps) for (const name of next?.processing ?? []) reasons.set(name, reason);
  const ended = steps.flatMap(({ ended: task }) => task ?? []);
  const history = historyOf([...(stored?.history ?? []), ...abandoned, ...ended], nowMs);
  const taskStates = sortedTasks(open);
  const dueTimes = steps.flatMap(({ dueAtMs, callAtMs }) => dueAtMs ?? callAtMs ?? []).filter((ms) => ms > nowMs);
  return {
    status: {
      question,
      ...(taskStates.length > 0 ? { taskStates } : {}),
      ...(history.length > 0 ? { history } : {}),
    },
    approved: new Set(steps.flatMap(({ approved }) => approved)),
    reasons,
    calls: [...calls, ...polls],
    dueAtMs: dueTimes.length > 0 ? Math.min(...dueTimes) : undefined,
    ignored: steps.flatMap(({ ignored }) => ignored ?? []),
  };
}

/** Which question may be asked now: at most one. @returns the tasks that stay open, and why those not asked about wait */
function nextQuestion(
  steps: readonly Step[],
  unasked: readonly string[],
  { nowMs, newTraceId }: FollowContext,
): { open: WebhookTask[]; calls: readonly WebhookCall[]; waitsFor: string } {
  const going = steps.filter(({ next }) => next !== undefined);
  const open = going.flatMap(({ next }) => next ?? []);
  const questions = going.filter(({ next }) => next && !isPolled(next));
  const ask = (task: WebhookTask) => ({ kind: 'ask' as const, id: idOf(task), names: task.processing ?? [] });
  const failing = questions.find((step) => step.failing);
  const running = questions.some(({ callAtMs }) => callAtMs === undefined);
  const isDue = ({ callAtMs }: Step) => callAtMs !== undefined && callAtMs <= nowMs;
  if (running) return { open, calls: [], waitsFor: 'asked about once it has answered about others' };
  if (failing && !isDue(failing)) return { open, calls: [], waitsFor: failing.reason ?? '' };

  // What may have been heard before goes first, unchanged. What was refused, or is new, can be asked in one go.
  const due = questions.filter(isDue);
  const repeat = failing ?? due.find((step) => !wasRefused(step));
  if (repeat?.next)
    return { open, calls: [ask(repeat.next)], waitsFor: 'asked about once it has answered about others' };
  const together = [...due.flatMap(({ next }) => next?.processing ?? []), ...unasked];
  if (together.length === 0) return { open, calls: [], waitsFor: '' };
  const [only] = due;
  if (only?.next && due.length === 1 && unasked.length === 0) return { open, calls: [ask(only.next)], waitsFor: '' };
  const task = askingTask({ names: together, traceId: newTraceId(), atMs: nowMs });
  const merged = new Set(due.map(({ next }) => next));
  return {
    open: [...open.filter((each) => !merged.has(each)), task],
    calls: [ask(task)],
    waitsFor: 'about to be asked',
  };
}

/** A question that only rests after a refusal has a message from it, and has never been asked under its traceId. */
function wasRefused({ next }: Step): boolean {
  return Boolean(next?.message);
}
