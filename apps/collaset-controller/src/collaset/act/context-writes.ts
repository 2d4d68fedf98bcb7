import {
  type CollaSet,
  type ContextEntry,
  contextNameOf,
  keyOf,
  RESOURCE_CONTEXTS,
  type ResourceContext,
} from '@kuperator/api';
import { AlreadyExistsError, objectWriter } from '@kuperator/runtime';
import { OWNER, OWNER_UIDS_ANNOTATION, ownerUidsWith } from '../ids/instance-id.ts';
import { contextFor } from '../plan/context.ts';
import type { Deps } from './deps.ts';
import type { ActMemory } from './memory.ts';
import type { Pass } from './pass.ts';
import { staleCache } from './pod-writes.ts';
import { warnOf } from './warning.ts';
import { DONE, type Written } from './written.ts';

/** A context with more entries is stored without managedFields. */
const MANY_ENTRIES = 1000;

export function contextOf(deps: Pick<Deps, 'contexts'>, set: CollaSet): ResourceContext | undefined {
  return deps.contexts.get(`${set.metadata.namespace}/${contextNameOf(set)}`);
}

/**
 * Writes the planned entries and records an Event.
 * @throws ConflictError if the context has changed
 */
export async function recordEntries(
  pass: Pass,
  { entries }: { readonly entries: readonly ContextEntry[] },
): Promise<Written> {
  const { deps, set, memory } = pass;
  const { recorder, clock } = deps;
  const seen = contextOf(deps, set);
  const kept = new Set(entries.map(({ id }) => id));
  const releasesIds = (seen?.spec?.contexts ?? []).some(({ id }) => !kept.has(id));
  try {
    await writeContext(deps, { set, seen, entries, memory });
  } catch (error) {
    warnOf(deps, set, { reason: releasesIds ? 'ReclaimOwnedIDs' : 'UpdateToTargetContext', error });
    throw error;
  }
  recorder.normal(set, 'UpdateToTargetContext', 'recording instance ids');
  if (releasesIds) recorder.normal(set, 'ResourceContextClean', 'releasing instance ids that are no longer used');
  memory.contextTidiedMs = clock.monotonic();
  return DONE;
}

type ContextWrite = {
  readonly set: CollaSet;
  /** The context that the entries were planned from; undefined if there was none. */
  readonly seen: ResourceContext | undefined;
  readonly entries: readonly ContextEntry[];
  readonly memory: ActMemory;
};

/**
 * Writes all entries in one request, if the context has not changed. Deletes a context without entries (T50).
 * @throws ConflictError if the context has changed
 */
export async function writeContext(deps: Deps, { set, seen, entries, memory }: ContextWrite): Promise<void> {
  const { client, contexts, metrics } = deps;
  const writer = objectWriter({ client, resource: RESOURCE_CONTEXTS, cache: contexts });
  if (!seen && entries.length === 0) return;
  metrics.wrote('context');
  if (!seen) {
    // Only an update can omit managedFields, so a large context is created empty and then updated.
    const isLarge = entries.length > MANY_ENTRIES;
    const created = await createContext(deps, set, isLarge ? [] : entries);
    if (isLarge) return writeContext(deps, { set, seen: created, entries, memory });
    memory.contextVersion = created.metadata.resourceVersion;
    contexts.observe(created);
    return;
  }
  if (entries.length === 0) return writer.delete(seen);
  const annotations = { [OWNER_UIDS_ANNOTATION]: ownerUidsWith(set, seen, entries) };
  const metadata = { annotations, ...withoutManagedFields(entries) };
  const written = await writer.patch(seen, { body: { metadata, spec: { contexts: entries } } });
  if (!written) throw staleCache(`ResourceContext ${keyOf(seen)} is gone`);
  memory.contextVersion = written.metadata.resourceVersion;
}

/** Clears managedFields of a large context. They need more bytes for each entry than the entry itself. */
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

/** Releases all instance ids of the set. */
export async function releaseContext(deps: Deps, set: CollaSet, memory: ActMemory): Promise<void> {
  const seen = contextOf(deps, set);
  const entries = seen?.spec.contexts ?? [];
  const others = entries.filter((entry) => entry.data?.[OWNER] !== set.metadata.name);
  if (seen && others.length < entries.length) await writeContext(deps, { set, seen, entries: others, memory });
}
