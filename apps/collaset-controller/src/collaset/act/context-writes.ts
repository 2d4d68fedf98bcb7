import {
  type CollaSet,
  type ContextEntry,
  contextNameOf,
  keyOf,
  RESOURCE_CONTEXTS,
  type ResourceContext,
} from '@kuperator/api';
import { AlreadyExistsError, NotFoundError } from '@kuperator/runtime';
import { OWNER, OWNER_UIDS_ANNOTATION, ownerUidsWith } from '../ids/instance-id.ts';
import { contextFor } from '../plan/context.ts';
import type { Deps } from './deps.ts';
import type { ActMemory } from './memory.ts';
import type { Pass } from './pass.ts';
import { staleCache } from './pod-writes.ts';
import { warnOf } from './warning.ts';
import { DONE, type Written } from './written.ts';

/** From here on entries are kept without managedFields. */
const MANY_ENTRIES = 1000;

export function contextOf(deps: Pick<Deps, 'contexts'>, set: CollaSet): ResourceContext | undefined {
  return deps.contexts.get(`${set.metadata.namespace}/${contextNameOf(set)}`);
}

/**
 * Writes the entries that the plan asks for, and records an Event for it.
 * @throws ConflictError when the context has changed
 */
export async function recordEntries(
  pass: Pass,
  { entries }: { readonly entries: readonly ContextEntry[] },
): Promise<Written> {
  const { deps, set, memory } = pass;
  const { recorder, clock } = deps;
  const seen = contextOf(deps, set);
  const kept = new Set(entries.map(({ id }) => id));
  const givesBack = (seen?.spec?.contexts ?? []).some(({ id }) => !kept.has(id));
  try {
    await writeContext(deps, set, seen, entries, memory);
  } catch (error) {
    warnOf(deps, set, givesBack ? 'ReclaimOwnedIDs' : 'UpdateToTargetContext', error);
    throw error;
  }
  recorder.normal(set, 'UpdateToTargetContext', 'recording instance ids');
  if (givesBack) recorder.normal(set, 'ResourceContextClean', 'giving back instance ids that are not used any more');
  memory.contextTidiedMs = clock.monotonic();
  return DONE;
}

/**
 * Writes the entries, all of a batch at once, if the context still is as it was seen. An empty context is deleted (T50).
 * @throws ConflictError when it is not
 */
export async function writeContext(
  deps: Deps,
  set: CollaSet,
  seen: ResourceContext | undefined,
  entries: readonly ContextEntry[],
  memory: ActMemory,
): Promise<void> {
  const { client, contexts, metrics } = deps;
  const ref = { namespace: set.metadata.namespace, name: contextNameOf(set) };
  if (!seen && entries.length === 0) return;
  metrics.wrote('context');
  if (!seen) {
    // Only an update can do without managedFields.
    const isLarge = entries.length > MANY_ENTRIES;
    const created = await createContext(deps, set, isLarge ? [] : entries);
    if (isLarge) return writeContext(deps, set, created, entries, memory);
    memory.contextVersion = created.metadata.resourceVersion;
    contexts.observe(created);
    return;
  }
  const { uid = '', resourceVersion = '' } = seen.metadata;
  if (entries.length === 0) {
    const answer = await client.delete(RESOURCE_CONTEXTS, ref, { uid, resourceVersion });
    if (answer?.metadata.deletionTimestamp) contexts.observe(answer);
    else contexts.observeGone(keyOf(seen), uid);
    return;
  }
  try {
    const annotations = { [OWNER_UIDS_ANNOTATION]: ownerUidsWith(set, seen, entries) };
    const metadata = { resourceVersion, uid, annotations, ...withoutManagedFields(entries) };
    const body = { metadata, spec: { contexts: entries } };
    const written = await client.patch(RESOURCE_CONTEXTS, ref, { type: 'merge', body });
    memory.contextVersion = written.metadata.resourceVersion;
    contexts.observe(written);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    contexts.observeGone(keyOf(seen), uid);
    throw staleCache(`ResourceContext ${keyOf(seen)} is gone`);
  }
}

/** The API server notes of each entry who manages it, in more bytes than the entry has: of many, there is no room for that. */
function withoutManagedFields(entries: readonly ContextEntry[]): { managedFields?: readonly object[] } {
  return entries.length > MANY_ENTRIES ? { managedFields: [{}] } : {};
}

async function createContext(deps: Deps, set: CollaSet, entries: readonly ContextEntry[]): Promise<ResourceContext> {
  const { client, contexts } = deps;
  const context = contextFor(set, entries);
  try {
    return await client.create(RESOURCE_CONTEXTS, context);
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
  }
  const { namespace, name = '' } = context.metadata;
  contexts.observe(await client.get(RESOURCE_CONTEXTS, { namespace, name }));
  throw staleCache(`ResourceContext ${namespace}/${name} exists already`);
}

/** Gives back all instance ids of the set. */
export async function releaseContext(deps: Deps, set: CollaSet, memory: ActMemory): Promise<void> {
  const seen = contextOf(deps, set);
  const entries = seen?.spec.contexts ?? [];
  const others = entries.filter((entry) => entry.data?.[OWNER] !== set.metadata.name);
  if (seen && others.length < entries.length) await writeContext(deps, set, seen, others, memory);
}
