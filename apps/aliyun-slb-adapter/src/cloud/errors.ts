import { messageOf } from '@kuperator/runtime';

/**
 * What an error of the cloud's API means for the caller:
 *
 * - `busy`: the load balancer is being configured, so the call had no effect. Repeat it in a second.
 * - `throttled`: too many calls. The limiter slows down and repeats the call.
 * - `unsigned`: the signature is too old or was used before. Sign again and repeat the call at once.
 * - `full`: a limit of the load balancer or the account is reached.
 * - `gone`: the object does not exist, or not in this region.
 * - `refused`: only a person can mend this: credentials, permissions, parameters, an unpaid bill.
 * - `unclear`: no answer, or an error of the server. A write may have taken effect: read before it is repeated.
 */
export type CloudErrorKind = 'busy' | 'throttled' | 'unsigned' | 'full' | 'gone' | 'refused' | 'unclear';

const KINDS: readonly (readonly [RegExp, CloudErrorKind])[] = [
  [/^Throttling/, 'throttled'],
  [/^(SignatureNonceUsed|InvalidTimeStamp\.Expired)$/, 'unsigned'],
  [
    /^(BackendServer\.configuring|ServiceIsConfiguring|VServerGroupProcessing|OperationBusy|ServiceIsStopping|SystemBusy)$/,
    'busy',
  ],
  // NLB: another job of the same object runs.
  [/^(OperationConflict|Operation\.Conflict|Conflict\.Lock|IncorrectStatus\.|ResourceInConfiguring)/, 'busy'],
  [/(OverLimit|^QuotaExceeded|^QuotaInsufficient)/, 'full'],
  [
    /^(InvalidAccessKeyId|InvalidSecurityToken|SignatureDoesNotMatch|Forbidden|NoPermission|AccountHasArrearage)/,
    'refused',
  ],
  [/^(InvalidLoadBalancerId\.NotFound|ResourceNotFound)/, 'gone'],
  [/^(InternalError|ServiceUnavailable|ServiceFailure)/, 'unclear'],
];
/** The code varies for a vServer group that does not exist, but the message names the parameter. */
const NO_GROUP = /VServerGroupId.*(not exist|not found|not be found)/i;

/** An answer of the cloud's API that is an error, or the lack of an answer. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly kind: CloudErrorKind;
  /** As the API answered; empty if no answer came. */
  readonly code: string;

  constructor(message: string, { kind, code, cause }: { kind: CloudErrorKind; code: string; cause?: unknown }) {
    super(message, { cause });
    this.kind = kind;
    this.code = code;
  }
}

/**
 * The error for what the vendor's client has thrown for a call.
 * @param attempted product and action, e.g. `Slb DescribeHealthStatus`
 */
export function cloudErrorOf(attempted: string, cause: unknown): CloudError {
  if (cause instanceof CloudError) return cause;
  const { code, statusCode, data } = cause as { code?: unknown; statusCode?: unknown; data?: { Message?: unknown } };
  const status = typeof statusCode === 'number' ? statusCode : undefined;
  if (status === undefined || typeof code !== 'string') {
    return new CloudError(`${attempted}: no answer: ${messageOf(cause)}`, { kind: 'unclear', code: '', cause });
  }
  const said = typeof data?.Message === 'string' ? data.Message : messageOf(cause);
  // A proxy in between answers with a status alone.
  const shown = code === 'undefined' ? `HTTP ${status}` : code;
  const kind = kindOf(code, said, status);
  // Without the cause: it says nothing more, and is long.
  return new CloudError(`${attempted}: ${shown}: ${said}`, { kind, code: shown });
}

function kindOf(code: string, message: string, status: number): CloudErrorKind {
  const [, known] = KINDS.find(([pattern]) => pattern.test(code)) ?? [];
  if (known) return known;
  if (NO_GROUP.test(message)) return 'gone';
  return status >= 500 ? 'unclear' : 'refused';
}
