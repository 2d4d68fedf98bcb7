import { type Key, keyOf, type PodTransitionRule } from '@kuperator/api';
import type { Informer } from '@kuperator/runtime';

/** Our own writes of rules: read at once, so that no pass judges by a status older than its last (T70), and not news. */
export type OwnWrites = {
  take(written: PodTransitionRule): void;
  isOwn(rule: PodTransitionRule): boolean;
  forget(key: Key): void;
};

export function ownWritesTo(rules: Pick<Informer<PodTransitionRule>, 'observe'>): OwnWrites {
  const versions = new Map<Key, string | undefined>();
  return {
    take(written) {
      versions.set(keyOf(written), written.metadata.resourceVersion);
      rules.observe(written);
    },
    isOwn: (rule) => versions.get(keyOf(rule)) === rule.metadata.resourceVersion,
    forget: (key) => versions.delete(key),
  };
}
