import { createHash, createHmac } from 'node:crypto';
import { canonicalQuery } from './percent-encoding.ts';
import { headerOf, queryOf, type RawRequest } from './request.ts';

/** The parts of an `Authorization` header of signature v3. */
export type AuthorizationV3 = { accessKeyId: string; signedHeaders: readonly string[]; signature: string };

const ALGORITHM = 'ACS3-HMAC-SHA256';

/** @returns undefined if the header is not one of signature v3 */
export function parseAuthorizationV3(header: string): AuthorizationV3 | undefined {
  const match = /^ACS3-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)$/.exec(header);
  const [, accessKeyId, names, signature] = match ?? [];
  if (accessKeyId === undefined || names === undefined || signature === undefined) return undefined;
  return { accessKeyId, signedHeaders: names.split(';'), signature };
}

/** The headers that a signature has to cover: `host`, every `x-acs-*`, and `content-type` if it is present. */
export function headersToSign(raw: RawRequest): string[] {
  return Object.keys(raw.headers)
    .filter((name) => name.startsWith('x-acs-') || name === 'host' || name === 'content-type')
    .toSorted();
}

/** The hash of the canonical request, in hex. */
export function canonicalHash(raw: RawRequest, signedHeaders: readonly string[]): string {
  const path = raw.url.split('?')[0] || '/';
  const canonical = [
    raw.method,
    path,
    canonicalQuery([...new URLSearchParams(queryOf(raw))]),
    ...signedHeaders.map((name) => `${name}:${(headerOf(raw, name) ?? '').trim()}`),
    '',
    signedHeaders.join(';'),
    sha256(raw.body),
  ].join('\n');
  return sha256(Buffer.from(canonical));
}

/** The signature of `raw` with `secret`, in hex. */
export function signatureV3(raw: RawRequest, secret: string, signedHeaders: readonly string[]): string {
  const toSign = `${ALGORITHM}\n${canonicalHash(raw, signedHeaders)}`;
  return createHmac('sha256', secret).update(toSign).digest('hex');
}

/** The SHA-256 of `bytes`, in hex. */
export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
