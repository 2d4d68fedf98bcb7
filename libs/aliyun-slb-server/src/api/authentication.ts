import { timingSafeEqual } from 'node:crypto';
import { ApiError } from './api-error.ts';
import { type ApiRequest, headerOf, pairsOf } from './request.ts';
import { signatureV1 } from './signature-v1.ts';
import { headersToSign, parseAuthorizationV3, sha256, signatureV3 } from './signature-v3.ts';

/** A key that may sign calls. Keys of the same account share its quotas. */
export type AccessKey = {
  accessKeyId: string;
  accessKeySecret: string;
  /** The token that calls with this key must carry, for a key of a role that was assumed. */
  securityToken?: string;
  /** Default: `test-account`. */
  accountId?: string;
};

/** What a signed request claims about itself. */
type Claim = {
  accessKeyId: string;
  securityToken: string | undefined;
  timestamp: string;
  nonce: string;
  isSignedWith: (secret: string) => boolean;
};

const VALIDITY_MS = 15 * 60_000;

/** Verifies who sent a call: its signature, its date, its nonce and its security token. */
export class Authentication {
  readonly keys = new Map<string, AccessKey>();
  /** When each nonce was used. */
  readonly #nonces = new Map<string, number>();

  /**
   * @param nowMs the time that the server compares the date of the call with
   * @returns the account of the caller
   * @throws ApiError with the code that the real API answers
   */
  verify(request: ApiRequest, nowMs: number): string {
    const claim = claimOf(request);
    const key = this.keys.get(claim.accessKeyId);
    if (!key) throw new ApiError(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
    if ((key.securityToken ?? '') !== (claim.securityToken ?? '')) {
      throw new ApiError(
        400,
        'InvalidSecurityToken.Malformed',
        'The specified parameter "SecurityToken" is not valid.',
      );
    }
    checkDate(claim.timestamp, nowMs);
    if (!claim.isSignedWith(key.accessKeySecret)) {
      throw new ApiError(400, 'SignatureDoesNotMatch', 'Specified signature is not matched with our calculation.');
    }
    this.#use(`${claim.accessKeyId}/${claim.nonce}`, nowMs);
    return key.accountId ?? 'test-account';
  }

  #use(nonce: string, nowMs: number): void {
    for (const [used, atMs] of this.#nonces) {
      if (nowMs - atMs <= VALIDITY_MS) break; // the map is in the order of use
      this.#nonces.delete(used);
    }
    if (this.#nonces.has(nonce)) {
      throw new ApiError(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
    }
    this.#nonces.set(nonce, nowMs);
  }
}

function checkDate(timestamp: string, nowMs: number): void {
  const isWellFormed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(timestamp);
  const ageMs = nowMs - Date.parse(timestamp);
  if (!isWellFormed || Number.isNaN(ageMs)) {
    throw new ApiError(400, 'InvalidTimeStamp.Format', 'Specified time stamp or date value is not well formatted.');
  }
  if (Math.abs(ageMs) > VALIDITY_MS) {
    throw new ApiError(400, 'InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.');
  }
}

function claimOf(request: ApiRequest): Claim {
  const authorization = headerOf(request, 'authorization');
  return authorization === undefined ? claimV1(request) : claimV3(request, authorization);
}

function claimV3(request: ApiRequest, authorization: string): Claim {
  const parsed = parseAuthorizationV3(authorization);
  if (!parsed) throw incomplete('The Authorization header is not well formed.');
  const { accessKeyId, signedHeaders, signature } = parsed;
  const unsigned = headersToSign(request).filter((name) => !signedHeaders.includes(name));
  if (unsigned.length > 0) throw incomplete(`These headers must be signed: ${unsigned.join(', ')}.`);
  const isBodyHashed = headerOf(request, 'x-acs-content-sha256') === sha256(request.body);
  return {
    accessKeyId,
    securityToken: headerOf(request, 'x-acs-security-token'),
    timestamp: requiredHeader(request, 'x-acs-date'),
    nonce: requiredHeader(request, 'x-acs-signature-nonce'),
    isSignedWith: (secret) => isBodyHashed && isEqual(signatureV3(request, secret, signedHeaders), signature),
  };
}

function claimV1(request: ApiRequest): Claim {
  const { parameters, method } = request;
  if (parameters.required('SignatureMethod') !== 'HMAC-SHA1') {
    throw new ApiError(400, 'InvalidSignatureMethod', 'Specified signature method is not valid.');
  }
  const signature = parameters.required('Signature');
  return {
    accessKeyId: parameters.required('AccessKeyId'),
    securityToken: parameters.optional('SecurityToken'),
    timestamp: parameters.required('Timestamp'),
    nonce: parameters.required('SignatureNonce'),
    isSignedWith: (secret) => isEqual(signatureV1(method, pairsOf(request), secret), signature),
  };
}

function requiredHeader(request: ApiRequest, name: string): string {
  const value = headerOf(request, name);
  if (value === undefined) throw new ApiError(400, 'MissingParameter', `The header ${name} is missing.`);
  return value;
}

function incomplete(message: string): ApiError {
  return new ApiError(400, 'IncompleteSignature', message);
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
