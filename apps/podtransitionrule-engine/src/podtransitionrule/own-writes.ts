import { type Key, keyOf, type PodTransitionRule } from '@kuperator/api';
import type { Informer } from '@kuperator/runtime';

/** Our own writes of rules. The cache shows them immediately, so that no pass judges by a status older than its last write (T70), and they wake no pass. */
export type OwnWrites = {
  /** Puts the answer of `write` into the cache. The watch may deliver the same version before the answer arrives. */
  making(key: Key, write: () => Promise<PodTransitionRule | undefined>): Promise<PodTransitionRule | undefined>;
  /** Whether a version that the watch delivers is ours. While a write is under way the answer is yes; if that was wrong, `onForeign` is called after it. */
  isOwn(rule: PodTransitionRule): boolean;
  forget(key: Key): void;
};

/** @param onForeign called if another client wrote the rule while a write of ours was under way */
export function ownWritesTo(
  rules: Pick<Informer<PodTransitionRule>, 'observe'>,
  onForeign: (key: Key) => void = () => {},
): OwnWrites {
  const versions = new Map<Key, string | undefined>();
  const seenMeanwhile = new Map<Key, Set<string | undefined>>();
  return {
    async making(key, write) {
      const seen = new Set<string | undefined>();
      seenMeanwhile.set(key, seen);
      try {
        const written = await write();
        if (written) {
          versions.set(key, written.metadata.resourceVersion);
          rules.observe(written);
        }
        return written;
      } finally {
        seenMeanwhile.delete(key);
        seen.delete(versions.get(key));
        if (seen.size > 0) onForeign(key);
      }
    },
    isOwn(rule) {
      const key = keyOf(rule);
      const { resourceVersion } = rule.metadata;
      if (versions.get(key) === resourceVersion) return true;
      return seenMeanwhile.get(key)?.add(resourceVersion) !== undefined;
    },
    forget(key) {
      versions.delete(key);
    },
  };
}
