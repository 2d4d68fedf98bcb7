import { createHmac } from 'node:crypto';
import { canonicalQuery, percentEncode } from './percent-encoding.ts';

/** The signature v1 of a call, in base64, over all its parameters except `Signature`. */
export function signatureV1(method: string, pairs: readonly (readonly [string, string])[], secret: string): string {
  const signed = pairs.filter(([name]) => name !== 'Signature');
  const toSign = `${method}&%2F&${percentEncode(canonicalQuery(signed))}`;
  return createHmac('sha1', `${secret}&`).update(toSign).digest('base64');
}
