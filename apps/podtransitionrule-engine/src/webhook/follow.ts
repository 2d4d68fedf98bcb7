// The next step of one task, from its stored record and the outcome of the last call about it. Pure.

import type { TransitionRuleWebhook, WebhookTask } from '@kuperator/api';
import type { Answered, AskedAbout, Outcomes } from './outcome.ts';
import { askingTask, endedTask, idOf, msOf, pollingTask, timeOf } from './task.ts';

export type FollowContext = {
  readonly webhook: TransitionRuleWebhook;
  readonly outcomes: Outcomes;
  readonly nowMs: number;
  readonly newTraceId: () => string;
  /** A webhook that cannot be used counts as one that approves. */
  readonly ignoreFailures: boolean;
};

export type Followed = {
  readonly approved: readonly string[];
  /** The task as it continues, or the question that follows it. */
  readonly next?: WebhookTask;
  /** For the history. */
  readonly ended?: WebhookTask;
  /** Why the Pods of `next` still wait. */
  readonly reason?: string;
  /** When the call about `next` is due; undefined while a call is under way. */
  readonly callAtMs?: number;
  /** When the next pass over the task is due if no call ends before. */
  readonly dueAtMs?: number;
  /** The last question got no answer: no other question is asked before `callAtMs`. */
  readonly failing?: boolean;
  /** The failure that counted as an approval. */
  readonly ignored?: string;
};

/** The time after which a refused question is asked again. */
const REFUSED_REST_MS = 5000;
const FAILED_REST_MS = 1000;
const FAILED_REST_MOST_MS = 60_000;
const DEFAULT_INTERVAL_SECONDS = 5;
const DEFAULT_TIMEOUT_SECONDS = 60;
/** Limit for rules that were stored before the CRD had one: a later time cannot be written. */
const MOST_SECONDS = 9_223_372_036;

/** The next step of a question about the Pods `live`, whether it has been asked or not. */
export function followQuestion(task: WebhookTask, live: readonly string[], context: FollowContext): Followed {
  const { nowMs, outcomes, ignoreFailures } = context;
  const { running = false, last } = outcomes.asked(idOf(task)) ?? {};
  const next = { ...task, processing: [...live] };
  if (last?.state === 'answered') return answered(next, last, context);
  if (last === undefined) {
    if (running) return { approved: [], next, reason: 'asked, and has not answered yet' };
    return { approved: [], next, callAtMs: msOf(task.beginTime, nowMs), reason: task.message || 'about to be asked' };
  }
  const { error, atMs, failures } = last;
  if (ignoreFailures) return { approved: live, ignored: error };
  // Repeat the same question under the same traceId: the approver may have received it, and only the answer was lost (H9).
  const callAtMs = atMs + Math.min(FAILED_REST_MOST_MS, FAILED_REST_MS * 2 ** (failures - 1));
  return { approved: [], next, reason: error, failing: true, ...(running ? {} : { callAtMs }) };
}

function answered(
  task: WebhookTask,
  { answer, atMs }: Answered<AskedAbout>,
  { webhook, newTraceId, ignoreFailures }: FollowContext,
): Followed {
  // Pods that did not fit into the question are part of the next one.
  const { in: live } = split(task.processing ?? [], answer.about ?? task.processing);
  const { in: finished, out: rest } = split(live, answer.finishedNames);
  const message = answer.message || 'no reason given';
  const askAgain = (approved: readonly string[], names: readonly string[], reason: string): Followed => {
    if (names.length === 0) return { approved };
    const callAtMs = atMs + REFUSED_REST_MS;
    return {
      approved,
      next: askingTask({ names, traceId: newTraceId(), atMs: callAtMs, message: reason }),
      callAtMs,
      reason,
    };
  };
  if (!answer.success) return askAgain(finished, rest, `refused: ${message}`);
  if (!answer.poll && !answer.async) return { approved: live };
  const taskId = answer.taskId || answer.traceId;
  const unusable = !taskId
    ? 'answered that it is to be polled, without a taskId'
    : !webhook.clientConfig.poll
      ? 'answered that it is to be polled, and the rule has no clientConfig.poll'
      : undefined;
  if (unusable !== undefined && ignoreFailures) return { approved: live, ignored: unusable };
  if (unusable !== undefined || !taskId) return askAgain([], live, unusable ?? '');
  if (rest.length === 0) return { approved: finished };
  const next = pollingTask(task, { taskId, processing: rest, approved: finished, atMs });
  return { approved: finished, next, reason: inProgress(taskId, answer.message), callAtMs: atMs + intervalMs(webhook) };
}

/** The next step of a task that the approver runs for the Pods `live`. */
export function followTask(task: WebhookTask, live: readonly string[], context: FollowContext): Followed {
  const { webhook, nowMs, outcomes, newTraceId, ignoreFailures } = context;
  const { running = false, last } = outcomes.polled(idOf(task)) ?? {};
  const answer = last?.state === 'answered' ? last.answer : undefined;
  const error = last?.state === 'failed' ? last.error : undefined;
  const beganMs = msOf(task.beginTime, nowMs);
  const lastMs = last?.atMs ?? msOf(task.lastTime, beganMs);
  const isFinished = Boolean(answer?.success && answer.finished);
  const { in: approved, out: rest } = split(live, isFinished ? live : answer?.finishedNames);
  const asOfNow = (names: readonly string[]) => ({
    ...task,
    processing: [...names],
    approved: [...new Set([...(task.approved ?? []), ...approved])].toSorted(),
    ...(lastMs > beganMs ? { lastTime: timeOf(lastMs) } : {}),
    ...(answer?.message ? { message: answer.message } : {}),
  });
  const end = (reason: string): Followed => {
    const ended = endedTask(asOfNow(rest), lastMs, reason);
    if (rest.length === 0) return { approved, ended };
    // Not immediately: an approver that has just stopped a task, or let it time out, would be asked in a loop.
    const callAtMs = nowMs + intervalMs(webhook);
    return {
      approved,
      ended,
      next: askingTask({ names: rest, traceId: newTraceId(), atMs: callAtMs, message: reason }),
      callAtMs,
      reason,
    };
  };

  if (!webhook.clientConfig.poll) return end('the rule has no clientConfig.poll any more');
  if (isFinished || rest.length === 0) return end(answer?.message ?? '');
  if (answer?.stop) return end(`stopped: ${answer.message || 'no reason given'}`);
  const endsAtMs = beganMs + (webhook.clientConfig.poll.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000;
  if (nowMs >= endsAtMs) {
    const reason = `polling timed out: ${error ?? (answer?.message || 'the task did not finish')}`;
    return error !== undefined && ignoreFailures
      ? { approved: live, ended: endedTask(asOfNow([]), lastMs, reason), ignored: reason }
      : end(reason);
  }
  const callAtMs = lastMs + intervalMs(webhook);
  const reason = error ?? inProgress(task.taskId, answer?.message ?? task.message);
  const going = { approved, next: asOfNow(rest), reason };
  return running ? { ...going, dueAtMs: endsAtMs } : { ...going, callAtMs, dueAtMs: Math.min(callAtMs, endsAtMs) };
}

function split(names: readonly string[], chosen: readonly string[] | null | undefined) {
  const set = new Set(chosen);
  return { in: names.filter((name) => set.has(name)), out: names.filter((name) => !set.has(name)) };
}

function intervalMs({ clientConfig }: TransitionRuleWebhook): number {
  return Math.min(MOST_SECONDS, Math.max(1, clientConfig.poll?.intervalSeconds ?? DEFAULT_INTERVAL_SECONDS)) * 1000;
}

function inProgress(taskId: string | undefined, message: string | null | undefined): string {
  return `task ${taskId} is in progress${message ? `: ${message}` : ''}`;
}
