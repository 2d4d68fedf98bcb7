// The two answers of a webhook, validated strictly: an answer that cannot be understood must not count as an approval.

import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

const flag = () => Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
const text = () => Type.Optional(Type.Union([Type.String(), Type.Null()]));
/** Stored in the status, and sent in the URL of every poll. */
const id = () => Type.Optional(Type.Union([Type.String({ maxLength: 2048 }), Type.Null()]));
const names = () => Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]));

const asked = Type.Object({
  success: flag(),
  message: text(),
  finishedNames: names(),
  poll: flag(),
  /** The deprecated name of `poll`. */
  async: flag(),
  taskId: id(),
  traceId: id(),
});
const polled = Type.Object({
  success: flag(),
  message: text(),
  finished: flag(),
  finishedNames: names(),
  stop: flag(),
});
const askedCheck = Compile(asked);
const polledCheck = Compile(polled);

export type Asked = Static<typeof asked>;
export type Polled = Static<typeof polled>;

/** @throws Error if `body` is not an answer to a question */
export function readAsked(body: unknown): Asked {
  if (askedCheck.Check(body) && saysMoreThanText(body, ASKED_FIELDS)) return withShortMessage(body);
  throw new Error('the answer does not have the form of a webhook answer');
}

/** @throws Error if `body` is not an answer to a poll */
export function readPolled(body: unknown): Polled {
  if (polledCheck.Check(body) && saysMoreThanText(body, POLLED_FIELDS)) return withShortMessage(body);
  throw new Error('the answer does not have the form of a poll answer');
}

/** Limit of a message in characters: it is repeated for each Pod that waits, in the status of the rule and on the Pod. */
const MESSAGE_LENGTH = 512;

function withShortMessage<T extends { message?: string | null }>(answer: T): T {
  const { message } = answer;
  if (!message || message.length <= MESSAGE_LENGTH) return answer;
  return { ...answer, message: `${message.slice(0, MESSAGE_LENGTH)}…` };
}

const ASKED_FIELDS = ['success', 'finishedNames', 'poll', 'async', 'taskId'];
const POLLED_FIELDS = ['success', 'finished', 'finishedNames', 'stop'];

/**
 * Without this check, JSON of any service that has a `message` would look like a refusal, and the rule's status would show the message to
 * every reader. So JSON without a field about the approval is not an answer.
 */
function saysMoreThanText(body: object, fields: readonly string[]): boolean {
  return fields.some((field) => Object.hasOwn(body, field));
}
