// The hash function of the Kubernetes controllers and of the Go implementation. Revision and claim hashes must equal theirs.

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;
// The alphabet has no vowels and no 0, 1 and 3, so that hashes do not form words (k8s.io/apimachinery/pkg/util/rand).
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1 (not 1a), 32 bit, over the UTF-8 bytes of `text`. */
function fnv1(text: string): number {
  let hash = OFFSET;
  for (const byte of Buffer.from(text, 'utf8')) hash = (Math.imul(hash, PRIME) ^ byte) >>> 0;
  return hash;
}

/** Like `rand.SafeEncodeString`: maps each character by its code into the safe alphabet. */
function safeEncode(text: string): string {
  let encoded = '';
  for (const character of text) encoded += SAFE[(character.codePointAt(0) ?? 0) % SAFE.length];
  return encoded;
}

/** The encoded hash of the text, as in the names of ControllerRevisions. */
export function safeHash(text: string): string {
  return safeEncode(String(fnv1(text)));
}

/** A suffix of five characters, one of 27^5 (14 million). Similar texts get different suffixes. */
export function nameSuffix(text: string): string {
  let hash = fnv1(text);
  // FNV changes few bits if only the last byte differs, so mix the bits with the finalizer of murmur3.
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
