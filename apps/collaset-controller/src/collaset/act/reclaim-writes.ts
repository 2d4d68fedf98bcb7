import { COLLA_SETS, type CollaSet, keyOf, PODS, type Pod } from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import { DELETE_SERVED, poolOf } from '../ids/instance-id.ts';
import { isSequence } from '../ids/members.ts';
import { podNameFor } from '../ids/pod-name.ts';
import { listsWithout, servedNames } from '../plan/reclaim.ts';
import { warnOf } from '../tell/warning.ts';
import { contextOf, writeContext } from './context-writes.ts';
import type { Deps } from './deps.ts';
import type { SetMemory } from './memory.ts';
import { seeContext } from './verify.ts';

/**
 * Takes names that are served out of the lists of `spec.scaleStrategy`, in one write that is refused when the set is not as it was
 * seen: a name that its user adds meanwhile is not lost.
 * @throws ConflictError when the set, or what is on record of its ids, was not as it was seen
 */
export async function reclaimLists(deps: Deps, set: CollaSet, memory: SetMemory): Promise<void> {
  const { client, pods, settings, sets } = deps;
  const current = sets.get(keyOf(set));
  // What the user says now, the next pass is about.
  if (!settings.reclaimScaleStrategy || !current || current.metadata.generation !== set.metadata.generation) return;
  const { namespace = '', name = '', resourceVersion } = current.metadata;
  const renewed = renewedNames(deps, current);
  const cached = (pod: string) => pods.get(`${namespace}/${pod}`);
  const seeming = servedNames({ set: current, podNamed: cached, renewed }).slice(0, settings.maxWrites);
  if (seeming.length === 0) return;
  try {
    // The caches may be behind the set: a name may be of a Pod they do not show yet, or show as it was before.
    if (seeming.some((listed) => renewed.has(listed.name))) await seeContext(deps, current, memory);
    const found = new Map(
      await Promise.all(
        seeming.map(async (listed) => [listed.name, await podOf(deps, namespace, listed.name)] as const),
      ),
    );
    // Names beyond those looked at are another pass's.
    const podNamed = (pod: string) => (found.has(pod) ? found.get(pod) : cached(pod));
    const looked = servedNames({ set: current, podNamed, renewed });
    const served = looked.filter((listed) => found.has(listed.name));
    if (served.length === 0) return;
    deps.metrics.wrote('reclaim');
    const body = { metadata: { resourceVersion }, spec: { scaleStrategy: listsWithout(current, served) } };
    sets.observe(await client.patch(COLLA_SETS, { namespace, name }, { type: 'merge', body }));
    await forgetRenewed(
      deps,
      current,
      served.map((listed) => listed.name).filter((pod) => renewed.has(pod)),
      memory,
    );
  } catch (error) {
    // Gone meanwhile.
    if (error instanceof NotFoundError) return;
    warnOf(deps, set, 'ReclaimScaleStrategy', error);
    throw error;
  }
}

/** By sequence: Pods in podToDelete that were made anew, which their entries tell. */
function renewedNames(deps: Deps, set: CollaSet): ReadonlySet<string> {
  if (!isSequence(set)) return new Set();
  const { own } = poolOf(set, contextOf(deps, set));
  const ids = [...own].filter(([, data]) => data[DELETE_SERVED] !== undefined).map(([id]) => id);
  return new Set(ids.map((id) => podNameFor(set, id, 0)));
}

/** At once: the next pass could be about a list that names the Pod again. */
async function forgetRenewed(deps: Deps, set: CollaSet, names: readonly string[], memory: SetMemory): Promise<void> {
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
