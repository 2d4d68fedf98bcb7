// The records in the status of a webhook. A task begins as a question, is then polled, and then becomes history.

import type { RuleState, WebhookTask } from '@kuperator/api';

export type WebhookStatus = NonNullable<RuleState['webhookStatus']>;

const HISTORY_KEPT_MS = 600_000;
/** Without a limit, an approver that stops its tasks every second would fill the status. */
const HISTORY_MOST = 10;
const MESSAGE_LENGTH = 512;

/** A question about the Pods `names`, not to be asked before `atMs`. It is stored before it is asked. */
export function askingTask({
  names,
  traceId,
  atMs,
  message,
}: {
  readonly names: readonly string[];
  readonly traceId: string;
  readonly atMs: number;
  readonly message?: string;
}): WebhookTask {
  return {
    traceId,
    processing: names.toSorted(),
    beginTime: timeOf(atMs),
    ...(message ? { message: shortened(message) } : {}),
  };
}

/** The approver has a task for the Pods `processing`; polling it begins one interval after `atMs`. */
export function pollingTask(
  asked: WebhookTask,
  {
    taskId,
    processing,
    approved,
    atMs,
  }: {
    readonly taskId: string;
    readonly processing: readonly string[];
    readonly approved: readonly string[];
    readonly atMs: number;
  },
): WebhookTask {
  return {
    taskId,
    ...(asked.traceId ? { traceId: asked.traceId } : {}),
    processing: processing.toSorted(),
    approved: approved.toSorted(),
    beginTime: timeOf(atMs),
  };
}

export function endedTask(task: WebhookTask, atMs: number, message: string): WebhookTask {
  return { ...task, lastTime: timeOf(atMs), ...(message ? { message: shortened(message) } : {}) };
}

/** The id under which calls about a task are kept. It is the same after a restart. Tasks of the Go implementation have no traceId. */
export function idOf({ traceId, taskId }: WebhookTask): string {
  return traceId || taskId || '';
}

export function isPolled({ taskId }: WebhookTask): boolean {
  return Boolean(taskId);
}

/** Entries young enough to be kept, oldest first. An entry without an end time has no age and is dropped. */
export function historyOf(entries: readonly WebhookTask[], nowMs: number): WebhookTask[] {
  return entries
    .filter(({ lastTime }) => nowMs - Date.parse(lastTime ?? '') < HISTORY_KEPT_MS)
    .toSorted((a, b) => compare([a.lastTime, idOf(a)], [b.lastTime, idOf(b)]))
    .slice(-HISTORY_MOST);
}

/** The tasks in an order that depends on nothing but the tasks (H10). */
export function sortedTasks(tasks: readonly WebhookTask[]): WebhookTask[] {
  return tasks.toSorted((a, b) => compare([a.beginTime, idOf(a)], [b.beginTime, idOf(b)]));
}

/** A text that changes if more than times, messages and history has changed. A call or a Pod then waits for the write. */
export function progressText(states: readonly RuleState[] | undefined): string {
  return JSON.stringify(
    (states ?? []).map(({ name, webhookStatus }) => [
      name,
      webhookStatus?.question,
      (webhookStatus?.taskStates ?? []).map(({ taskId, traceId, processing, approved }) => [
        taskId,
        traceId,
        processing,
        approved,
      ]),
    ]),
  );
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds since the epoch; `fallback` if there is no time. */
export function msOf(time: string | undefined, fallback: number): number {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? fallback : ms;
}

function shortened(message: string): string {
  return message.length > MESSAGE_LENGTH ? `${message.slice(0, MESSAGE_LENGTH)}…` : message;
}

function compare(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): number {
  for (const [index, text = ''] of a.entries()) {
    const other = b[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}
