import type { Key } from '@kuperator/api';

/** The members that share the keys, as one of them sees them. Equal views have equal ids. */
export type View = {
  readonly id: string;
  readonly members: readonly { readonly identity: string; readonly hash: number }[];
};

/** Builds the view of these members; their order does not matter. */
export function viewOf(identities: readonly string[]): View {
  const sorted = [...new Set(identities)].sort();
  return { id: sorted.join(','), members: sorted.map((identity) => ({ identity, hash: hashOf(identity) })) };
}

/** Returns the view with this id. */
export function viewFromId(id: string): View {
  return viewOf(id.split(',').filter((identity) => identity !== ''));
}

/**
 * Returns the member that owns the key: the one with the highest weight for it. When a member joins or leaves, only the keys that it
 * gets or had change their owner. Undefined in a view without members.
 * @see Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous"
 */
export function ownerOf(view: View, key: Key): string | undefined {
  const keyHash = hashOf(key);
  let owner: string | undefined;
  let highest = -1;
  for (const { identity, hash } of view.members) {
    const weight = mix(keyHash ^ hash);
    if (weight > highest) {
      highest = weight;
      owner = identity;
    }
  }
  return owner;
}

/** FNV-1a over UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The finalizer of MurmurHash3. Every input bit affects every output bit; with FNV alone, the last characters do not. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
