import { type Key, keyOf, type PodTransitionRule } from '@kuperator/api';
import type { Informer } from '@kuperator/runtime';

/** Our own writes of rules: read at once, so that no pass judges by a status older than its last (T70), and not news. */
export type OwnWrites = {
  /** Takes over what `write` is answered with. The watch may tell of it before the answer is here. */
  making(key: Key, write: () => Promise<PodTransitionRule | undefined>): Promise<PodTransitionRule | undefined>;
  /** Asked of every version the watch tells of; while a write is under way the answer is yes, and is made good for after it. */
  isOwn(rule: PodTransitionRule): boolean;
  forget(key: Key): void;
};

/** `onForeign`: somebody else wrote the rule while a write of ours was under way. */
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
