import type { TransitionRule, WebhookTask } from '@kuperator/api';
import { type FollowContext, type Followed, followQuestion, followTask } from './follow.ts';
import { questionHash } from './question.ts';
import { askingTask, endedTask, historyOf, idOf, isPolled, sortedTasks, type WebhookStatus } from './task.ts';

/** A Pod that passes everything before the webhook and has not been approved. */
type Subject = {
  readonly name: string;
  /** The last stored verdict names every operation of the Pod, so questions about the Pod since then still apply. */
  readonly continues: boolean;
};

/** A call to make once the status is stored. Starting it again while it is under way does nothing. */
export type WebhookCall =
  | { readonly kind: 'ask'; readonly id: string; readonly names: readonly string[] }
  | { readonly kind: 'poll'; readonly id: string; readonly taskId: string };

export type WebhookPlan = {
  readonly status: WebhookStatus;
  readonly approved: ReadonlySet<string>;
  /** Why each other subject waits. */
  readonly reasons: ReadonlyMap<string, string>;
  readonly calls: readonly WebhookCall[];
  /** When the next pass is due if no call ends before. */
  readonly dueAtMs: number | undefined;
  /** Failures that counted as approvals. */
  readonly ignored: readonly string[];
};

type Step = Followed & { readonly task: WebhookTask };

/**
 * The next step of a webhook rule, for all its Pods. Pure. Pods that no task covers yet go into one question. There is only one question
 * at a time, so that Pods that arrive meanwhile share the next one, and an approver that is down gets one question and not one per Pod.
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
    else if (isPolled(task)) abandoned.push(endedTask(task, nowMs, 'abandoned: no Pod waits for it any more'));
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

/** The question to ask now, if any. @returns the tasks that stay open, and why the Pods that are not asked about wait */
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

  // A question that the approver may have received before goes first, unchanged. Pods that were refused, or are new, share one question.
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

/** True for a question that follows a refusal: it carries the refusal's message and has not been asked under its own traceId yet. */
function wasRefused({ next }: Step): boolean {
  return Boolean(next?.message);
}
