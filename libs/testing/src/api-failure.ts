/** The kind of a failure: its HTTP status, and the machine-readable reason in its Status. */
type FailureAnswer = {
  readonly status: number;
  readonly reason: string;
  /** How long the client must wait before it repeats the request. */
  readonly retryAfterSeconds?: number | undefined;
};

export const ALREADY_EXISTS: FailureAnswer = { status: 409, reason: 'AlreadyExists' };
export const BAD_REQUEST: FailureAnswer = { status: 400, reason: 'BadRequest' };
export const CONFLICT: FailureAnswer = { status: 409, reason: 'Conflict' };
export const INVALID: FailureAnswer = { status: 422, reason: 'Invalid' };
export const METHOD_NOT_ALLOWED: FailureAnswer = { status: 405, reason: 'MethodNotAllowed' };
export const NOT_FOUND: FailureAnswer = { status: 404, reason: 'NotFound' };
export const UNSUPPORTED_MEDIA_TYPE: FailureAnswer = { status: 415, reason: 'UnsupportedMediaType' };

/** Thrown inside the in-memory API server, which turns it into a Status response. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor({ status, reason, retryAfterSeconds }: FailureAnswer, message = '') {
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
