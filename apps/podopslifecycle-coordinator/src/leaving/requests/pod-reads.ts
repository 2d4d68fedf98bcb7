import { isTerminating, type Key, keyOf, PODS, type Pod } from '@kuperator/api';
import { compareResourceVersions, type KubeClient, NotFoundError } from '@kuperator/runtime';
import { NAMESPACES } from '../../resources.ts';
import type { AdmissionRequest } from '../../webhook/review.ts';
import { clearanceOf } from '../clearance.ts';

export type ReadDeps = {
  readonly pods: {
    get(key: Key): Pod | undefined;
    /** Whether the cache is known to hold all Pods of the namespace as they are. */
    isCurrent(namespace: string): boolean;
  };
  readonly client: Pick<KubeClient, 'get'>;
};

type PodRef = { readonly namespace?: string | undefined; readonly name?: string | undefined };

/**
 * The Pod that a review shows, as the API server has it. What a review says about a Pod is not believed where that would change something.
 * @returns undefined if there is no such Pod any more; `newer` if the review shows a version that was never written
 */
export async function storedPod(deps: ReadDeps, shown: Pod): Promise<Pod | 'newer' | undefined> {
  const { uid, resourceVersion } = shown.metadata;
  const cached = deps.pods.get(keyOf(shown));
  if (cached && cached.metadata.uid === uid && cached.metadata.resourceVersion === resourceVersion) return cached;
  // Either our cache is behind the API server, or the API server decides by its own cache, which is behind ours.
  const now = await readAgain(deps, shown);
  return now && compareResourceVersions(resourceVersion, now.metadata.resourceVersion) > 0 ? 'newer' : now;
}

/** The Pod of an eviction, whose review does not show it. */
export async function podToEvict(
  { pods, client }: ReadDeps,
  { namespace = '', name = '' }: AdmissionRequest,
): Promise<Pod | undefined> {
  const cached = pods.get(keyOf({ metadata: { namespace, name } }));
  // A Pod that is not in a current cache is not controlled, or was created a moment ago and does not serve yet.
  return pods.isCurrent(namespace) ? cached : read(client, { namespace, name });
}

/** The Pod as the API server has it; undefined if it is gone. */
export async function readAgain({ client }: Pick<ReadDeps, 'client'>, { metadata }: Pod): Promise<Pod | undefined> {
  const pod = await read(client, metadata);
  return pod?.metadata.uid === metadata.uid ? pod : undefined;
}

/** Whether the Pod may leave or is gone, as the API server has it. */
export async function mayLeaveNow({ client }: Pick<ReadDeps, 'client'>, { metadata }: Pod): Promise<boolean> {
  const pod = await read(client, metadata);
  return !pod || clearanceOf(pod) !== undefined;
}

export async function isNamespaceEnding({ client }: Pick<ReadDeps, 'client'>, namespace: string): Promise<boolean> {
  const found = await absentAsUndefined(client.get(NAMESPACES, { name: namespace }));
  return found !== undefined && isTerminating(found);
}

function read(client: ReadDeps['client'], { namespace, name = '' }: PodRef): Promise<Pod | undefined> {
  return absentAsUndefined(client.get(PODS, { namespace, name }));
}

async function absentAsUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
