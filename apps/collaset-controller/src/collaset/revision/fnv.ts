// The hash of Kubernetes' own controllers and of the Go implementation: revision and claim hashes must come out the same.

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;
// No vowels and no 0, 1 and 3, so that no word comes out by chance (k8s.io/apimachinery/pkg/util/rand).
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1 (not 1a), 32 bit, over the UTF-8 bytes of `text`. */
export function fnv1(text: string): number {
  let hash = OFFSET;
  for (const byte of Buffer.from(text, 'utf8')) hash = (Math.imul(hash, PRIME) ^ byte) >>> 0;
  return hash;
}

/** `rand.SafeEncodeString`: each character mapped into the safe alphabet by its code. */
export function safeEncode(text: string): string {
  let encoded = '';
  for (const character of text) encoded += SAFE[(character.codePointAt(0) ?? 0) % SAFE.length];
  return encoded;
}

/** `safeEncode` of the decimal hash, as ControllerRevision names end in. */
export function safeHash(text: string): string {
  return safeEncode(String(fnv1(text)));
}

/** A five character suffix, one of 27^5 (14 million), that spreads neighbouring texts well. */
export function nameSuffix(text: string): string {
  let hash = fnv1(text);
  // FNV changes few bits when only the last byte differs: mixed (murmur3's finalizer) before it is cut down.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  let rest = (hash ^ (hash >>> 16)) >>> 0;
  let suffix = '';
  for (let i = 0; i < 5; i++) {
    suffix += SAFE[rest % SAFE.length];
    rest = Math.floor(rest / SAFE.length);
  }
  return suffix;
}
