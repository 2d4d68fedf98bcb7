import { isTerminating, type Key, keyOf, POD_TRANSITION_RULES, type PodTransitionRule } from '@kuperator/api';
import { type Informer, type KubeClient, type ObjectChange, objectWriter } from '@kuperator/runtime';

/** Our own writes of rules. The cache shows them immediately, so that no pass judges by a status older than its last write (T70), and they wake no pass. */
export type OwnWrites = {
  /**
   * Patches the rule and puts the answer into the cache. The watch may deliver the same version before the answer arrives.
   * @returns the rule as written; undefined if it is gone
   * @throws ConflictError if the rule has changed
   */
  patch(rule: PodTransitionRule, change: ObjectChange): Promise<PodTransitionRule | undefined>;
  /** Whether a version that the watch delivers is ours. While a write is under way the answer is yes; if that was wrong, `onForeign` is called after it. */
  isOwn(rule: PodTransitionRule): boolean;
  forget(key: Key): void;
};

/** @param onForeign called if another client wrote the rule while a write of ours was under way */
export function ownWritesTo(
  {
    client,
    rules,
  }: {
    readonly client: Pick<KubeClient, 'patch' | 'delete'>;
    readonly rules: Pick<Informer<PodTransitionRule>, 'observe' | 'observeGone'>;
  },
  onForeign: (key: Key) => void = () => {},
): OwnWrites {
  const versions = new Map<Key, string | undefined>();
  const cache = {
    observe(written: PodTransitionRule) {
      const key = keyOf(written);
      // Without its last finalizer, a terminating rule is gone.
      if (isTerminating(written) && !written.metadata.finalizers?.length) {
        return rules.observeGone(key, written.metadata.uid ?? '');
      }
      versions.set(key, written.metadata.resourceVersion);
      rules.observe(written);
    },
    observeGone: (key: Key, uid: string) => rules.observeGone(key, uid),
  };
  const writer = objectWriter({ client, resource: POD_TRANSITION_RULES, cache });
  const seenMeanwhile = new Map<Key, Set<string | undefined>>();
  return {
    async patch(rule, change) {
      const key = keyOf(rule);
      const seen = new Set<string | undefined>();
      seenMeanwhile.set(key, seen);
      try {
        return await writer.patch(rule, { ...change, keepsMissing: true });
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
