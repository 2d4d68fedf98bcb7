import { COLLA_SETS, type CollaSet, keyOf, PODS, type Pod } from '@kuperator/api';
import { NotFoundError, objectWriter } from '@kuperator/runtime';
import { DELETE_SERVED, poolOf } from '../ids/instance-id.ts';
import { podNameFor } from '../ids/pod-name.ts';
import type { ActionOf } from '../plan/action.ts';
import { renewedNames } from '../plan/housekeeping.ts';
import { listsWithout, servedNames } from '../plan/reclaim.ts';
import { contextOf, writeContext } from './context-writes.ts';
import type { Deps } from './deps.ts';
import type { Pass } from './pass.ts';
import { seeContext } from './verify.ts';
import { warnOf } from './warning.ts';
import { DONE, SKIPPED, type Written } from './written.ts';

/**
 * Removes the names whose request is done from the lists of `spec.scaleStrategy`. The write is refused if the set has changed, so that a name
 * which the user adds in the meantime is not lost. Fresh reads confirm that the requests are done, because the caches may not show a Pod
 * yet, or show an earlier state of it.
 * @throws ConflictError if the set or its ResourceContext has changed
 */
export async function reclaimNames(pass: Pass, { listed: seeming }: ActionOf<'reclaimNames'>): Promise<Written> {
  const { deps, memory } = pass;
  const { client, pods, sets } = deps;
  const set = sets.get(keyOf(pass.set));
  if (!set || set.metadata.generation !== pass.set.metadata.generation) return SKIPPED;
  const { namespace = '' } = set.metadata;
  const renewed = renewedNames({ set, context: contextOf(deps, set) });
  try {
    if (seeming.some((listed) => renewed.has(listed.name))) await seeContext(deps, set, memory);
    const found = new Map(
      await Promise.all(
        seeming.map(async (listed) => [listed.name, await podOf(deps, namespace, listed.name)] as const),
      ),
    );
    // Names that were not read are checked in a later pass.
    const podNamed = (pod: string) => (found.has(pod) ? found.get(pod) : pods.get(`${namespace}/${pod}`));
    const served = servedNames({ set, podNamed, renewed }).filter((listed) => found.has(listed.name));
    if (served.length === 0) return SKIPPED;
    const body = { spec: { scaleStrategy: listsWithout(set, served) } };
    const writer = objectWriter({ client, resource: COLLA_SETS, cache: sets });
    if (!(await writer.patch(set, { body, keepsMissing: true }))) return SKIPPED;
    const names = served.map((listed) => listed.name).filter((pod) => renewed.has(pod));
    await forgetRenewed(pass, set, names);
    return DONE;
  } catch (error) {
    // The set is gone.
    if (error instanceof NotFoundError) return SKIPPED;
    warnOf(deps, set, { reason: 'ReclaimScaleStrategy', error });
    throw error;
  }
}

/** Clears the record that these Pods were recreated. This must happen before the next pass, in which a list may have the name again. */
async function forgetRenewed({ deps, memory }: Pass, set: CollaSet, names: readonly string[]): Promise<void> {
  const seen = contextOf(deps, set);
  if (names.length === 0 || !seen) return;
  const own = poolOf(set, seen).own;
  const entries = (seen.spec.contexts ?? []).map((entry) => {
    if (!own.has(entry.id) || !names.includes(podNameFor(set, entry.id, 0))) return entry;
    const { [DELETE_SERVED]: _, ...data } = entry.data ?? {};
    return { ...entry, data };
  });
  await writeContext(deps, { set, seen, entries, memory });
}

async function podOf({ client }: Deps, namespace: string, name: string): Promise<Pod | undefined> {
  try {
    return await client.get(PODS, { namespace, name });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
