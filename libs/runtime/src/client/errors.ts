/** `details` of a Status the API server answers with. */
export type StatusDetails = {
  name?: string;
  kind?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
  [field: string]: unknown;
};

/** Thrown when the API server answers with a failure. The subclass says which; `reason` is the server's own word. */
export class ApiError extends Error {
  /** HTTP status code. */
  readonly status: number;
  /** `reason` of the Status, e.g. `AlreadyExists`; empty when the body was not a Status. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly details: StatusDetails | undefined;

  constructor(message: string, answer: ApiAnswer) {
    super(message);
    this.name = new.target.name;
    this.status = answer.status;
    this.reason = answer.reason;
    this.retryAfterMs = answer.retryAfterMs;
    this.details = answer.details;
  }
}

/** The parts of a failed request's answer that an error keeps. */
type ApiAnswer = {
  status: number;
  reason: string;
  retryAfterMs?: number | undefined;
  details?: StatusDetails | undefined;
};

/** Thrown when the object, or its namespace or kind, does not exist (404). */
export class NotFoundError extends ApiError {}
/** Thrown when a precondition failed (409): the object has another resourceVersion or uid than the request named. */
export class ConflictError extends ApiError {}
/** Thrown when an object of that name exists (409 with reason AlreadyExists). */
export class AlreadyExistsError extends ApiError {}
/** Thrown when RBAC, admission or quota refuses the request (403). */
export class ForbiddenError extends ApiError {}
/** Thrown when validation refuses the object (422). */
export class InvalidError extends ApiError {}
/** Thrown when the API server throttles the request (429); nothing took effect, and `retryAfterMs` says how long to wait. */
export class ThrottledError extends ApiError {}
/** Thrown when a resourceVersion or a continue token is too old to continue from (410). */
export class GoneError extends ApiError {}
/** Thrown when the API server failed (5xx); a write may have taken effect. */
export class ServerError extends ApiError {}

/** Thrown when no answer came back: the connection was refused or reset, or timed out. A write may have taken effect. */
export class ConnectionError extends Error {
  override readonly name: string = 'ConnectionError';
}

/** Thrown when a request ended because its signal, or that of its pass, aborted; `cause` says why. A write may have taken effect. */
export class AbortedError extends ConnectionError {
  override readonly name = 'AbortedError';
}

/** Thrown when a request was not sent, because too many others were in flight for too long. */
export class SlotTimeoutError extends ConnectionError {
  override readonly name = 'SlotTimeoutError';
}

/** Thrown when only a change by the user can fix the problem: it is reported on the object and not retried. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** Builds the error for an answer of the API server. `attempted` names the request: `PATCH /api/v1/…`. */
export function apiErrorFor(attempted: string, answer: ApiAnswer, message: string): ApiError {
  const text = `${attempted}: ${answer.status} ${answer.reason}${message ? `: ${message}` : ''}`;
  switch (answer.status) {
    case 403:
      return new ForbiddenError(text, answer);
    case 404:
      return new NotFoundError(text, answer);
    case 409:
      return answer.reason === 'AlreadyExists' ? new AlreadyExistsError(text, answer) : new ConflictError(text, answer);
    case 410:
      return new GoneError(text, answer);
    case 422:
      return new InvalidError(text, answer);
    case 429:
      return new ThrottledError(text, answer);
    default:
      return answer.status >= 500 ? new ServerError(text, answer) : new ApiError(text, answer);
  }
}

/** Returns the failures inside an error: those of (nested) AggregateErrors, or the error itself. */
export function flattenErrors(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? error.errors.flatMap(flattenErrors) : [error];
}
