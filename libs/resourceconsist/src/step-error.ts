import { ConflictError, messageOf } from '@kuperator/runtime';

/** Thrown when a step of a pass fails. It carries the reason of the Event that reports it on the employer. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly reason: string;
  /** The text that records contain instead of the whole message: `syncCreate failed, err: …`. */
  readonly detail: string;

  constructor({
    reason,
    attempted,
    detail,
    cause,
  }: {
    readonly reason: string;
    readonly attempted: string;
    readonly detail: string;
    readonly cause: unknown;
  }) {
    super(`${attempted}: ${detail}`, { cause });
    this.reason = reason;
    this.detail = detail;
  }
}

/** Runs `step`. A failure becomes a {@link StepError} that says what was attempted, unless it is a conflict due to a stale cache. */
export async function inStep<T>(reason: string, attempted: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (cause instanceof StepError || cause instanceof ConflictError) throw cause;
    throw new StepError({ reason, attempted, detail: messageOf(cause), cause });
  }
}
