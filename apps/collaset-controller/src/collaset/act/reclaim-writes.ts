import { COLLA_SETS, type CollaSet, keyOf, PODS, type Pod } from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import { DELETE_SERVED, poolOf } from '../ids/instance-id.ts';
import { podNameFor } from '../ids/pod-name.ts';
import type { ActionOf } from '../plan/action.ts';
import { renewedNames } from '../plan/housekeeping.ts';
import { listsWithout, servedNames } from '../plan/reclaim.ts';
import { contextOf, writeContext } from './context-writes.ts';
import type { Deps } from './deps.ts';
import type { ActMemory } from './memory.ts';
import type { Pass } from './pass.ts';
import { seeContext } from './verify.ts';
import { warnOf } from './warning.ts';
import { DONE, SKIPPED, type Written } from './written.ts';

/**
 * Takes served names out of the lists of `spec.scaleStrategy`, in one write that is refused if the set has changed: a name that its user
 * adds meanwhile is not lost. What is served is confirmed by fresh reads, because the caches may be behind the set: a name may belong to
 * a Pod that they do not show yet, or show as it was before.
 * @throws ConflictError when the set, or what is on record of its ids, has changed
 */
export async function reclaimNames(pass: Pass, { listed: seeming }: ActionOf<'reclaimNames'>): Promise<Written> {
  const { deps, memory } = pass;
  const { client, pods, sets } = deps;
  const set = sets.get(keyOf(pass.set));
  if (!set || set.metadata.generation !== pass.set.metadata.generation) return SKIPPED;
  const { namespace = '', name = '', resourceVersion } = set.metadata;
  const renewed = renewedNames({ set, context: contextOf(deps, set) });
  try {
    if (seeming.some((listed) => renewed.has(listed.name))) await seeContext(deps, set, memory);
    const found = new Map(
      await Promise.all(
        seeming.map(async (listed) => [listed.name, await podOf(deps, namespace, listed.name)] as const),
      ),
    );
    // Names that were not looked at are a matter of another pass.
    const podNamed = (pod: string) => (found.has(pod) ? found.get(pod) : pods.get(`${namespace}/${pod}`));
    const served = servedNames({ set, podNamed, renewed }).filter((listed) => found.has(listed.name));
    if (served.length === 0) return SKIPPED;
    const body = { metadata: { resourceVersion }, spec: { scaleStrategy: listsWithout(set, served) } };
    sets.observe(await client.patch(COLLA_SETS, { namespace, name }, { type: 'merge', body }));
    const names = served.map((listed) => listed.name).filter((pod) => renewed.has(pod));
    await forgetRenewed(deps, set, names, memory);
    return DONE;
  } catch (error) {
    // The set is gone.
    if (error instanceof NotFoundError) return SKIPPED;
    warnOf(deps, set, 'ReclaimScaleStrategy', error);
    throw error;
  }
}

/** At once: the next pass could be about a list that names the Pod again. */
async function forgetRenewed(deps: Deps, set: CollaSet, names: readonly string[], memory: ActMemory): Promise<void> {
  const seen = contextOf(deps, set);
  if (names.length === 0 || !seen) return;
  const own = poolOf(set, seen).own;
  const entries = (seen.spec.contexts ?? []).map((entry) => {
    if (!own.has(entry.id) || !names.includes(podNameFor(set, entry.id, 0))) return entry;
    const { [DELETE_SERVED]: _, ...data } = entry.data ?? {};
    return { ...entry, data };
  });
  await writeContext(deps, set, seen, entries, memory);
}

async function podOf({ client }: Deps, namespace: string, name: string): Promise<Pod | undefined> {
  try {
    return await client.get(PODS, { namespace, name });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
