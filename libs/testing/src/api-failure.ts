/** Thrown inside the in-memory API server, which turns it into a Status response. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, reason: string, message = '', retryAfterSeconds?: number) {
    super(message || reason);
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The body of the response. */
  toStatus(): object {
    const { status, reason, message, retryAfterSeconds } = this;
    const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: status,
      reason,
      message,
      ...details,
    };
  }
}
