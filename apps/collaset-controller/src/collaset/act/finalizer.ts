import { COLLA_SETS, COLLASET_FINALIZER, type CollaSet, keyOf } from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import type { Deps } from './deps.ts';
import type { Pass } from './pass.ts';
import { warnOf } from './warning.ts';
import { DONE, type Written } from './written.ts';

type FinalizerDeps = Pick<Deps, 'client' | 'sets' | 'recorder'>;

export function hasFinalizer(set: CollaSet): boolean {
  return set.metadata.finalizers?.includes(COLLASET_FINALIZER) ?? false;
}

/** Adds the finalizer of this controller, so that the set does not disappear before its Pods are drained. */
export async function addFinalizer(pass: Pass): Promise<Written> {
  const { deps, set } = pass;
  try {
    pass.set = await writeFinalizers(deps, set, [...(set.metadata.finalizers ?? []), COLLASET_FINALIZER]);
    return DONE;
  } catch (error) {
    warnOf(deps, set, { reason: 'FailedAddFinalizer', error });
    throw error;
  }
}

/** @returns false if the API server does not find the set. Usually it is gone, but its definition may be in the middle of a replacement. */
export async function removeFinalizer(deps: FinalizerDeps, set: CollaSet): Promise<boolean> {
  if (!hasFinalizer(set)) return true;
  const others = set.metadata.finalizers?.filter((name) => name !== COLLASET_FINALIZER) ?? [];
  try {
    await writeFinalizers(deps, set, others);
    return true;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    warnOf(deps, set, { reason: 'FailedRemoveFinalizer', error });
    throw error;
  }
}

async function writeFinalizers(
  { client, sets }: FinalizerDeps,
  set: CollaSet,
  finalizers: string[],
): Promise<CollaSet> {
  const { namespace, name = '', resourceVersion } = set.metadata;
  const body = { metadata: { resourceVersion, finalizers } };
  const written = await client.patch(COLLA_SETS, { namespace, name }, { type: 'merge', body });
  if (written.metadata.deletionTimestamp && finalizers.length === 0) {
    sets.observeGone(keyOf(set), set.metadata.uid ?? '');
  } else sets.observe(written);
  return written;
}
