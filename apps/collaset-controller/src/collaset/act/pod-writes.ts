import {
  type CollaSet,
  controllerOf,
  isTerminating,
  keyOf,
  LAST_POD_STATUS_ANNOTATION,
  PODS,
  type Pod,
} from '@kuperator/api';
import type { LabelChanges } from '@kuperator/lifecycle';
import { AlreadyExistsError, ConflictError, NotFoundError } from '@kuperator/runtime';
import { instanceIdOf, revisionNameOf } from '../ids/members.ts';
import { recordOfRewrite } from '../plan/in-place-record.ts';
import type { Resize } from '../plan/resources.ts';
import type { Deps } from './deps.ts';

type WriteDeps = Pick<Deps, 'client' | 'pods'>;

/**
 * Creates the Pod, or finds that an earlier attempt did.
 * @returns the name when it is taken by a Pod that cannot be this one
 */
export async function createPod({ client, pods }: WriteDeps, set: CollaSet, pod: Pod): Promise<{ taken?: string }> {
  try {
    pods.observe(await client.create(PODS, pod));
    return {};
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
  }
  const { namespace, name = '' } = pod.metadata;
  let existing: Pod;
  try {
    existing = await client.get(PODS, { namespace, name });
  } catch (error) {
    // Just gone: free for the next pass.
    if (error instanceof NotFoundError) return {};
    throw error;
  }
  pods.observe(existing);
  const isOurs = controllerOf(existing)?.uid === set.metadata.uid && instanceIdOf(existing) === instanceIdOf(pod);
  return isOurs && !isTerminating(existing) ? {} : { taken: name };
}

/** Label (and annotation) changes of a Pod as one merge patch, refused when the Pod is not as it was seen. */
export function relabelPod(
  deps: WriteDeps,
  pod: Pod,
  labels: LabelChanges,
  more: LabelChanges = {},
): Promise<Pod | undefined> {
  // The record of an in-place change belongs to one operation: none may find that of an earlier one.
  const hasRecord = pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
  const changes = { ...more, ...(hasRecord ? { [LAST_POD_STATUS_ANNOTATION]: null } : {}) };
  const annotations = Object.keys(changes).length > 0 ? { annotations: changes } : {};
  const { resourceVersion } = pod.metadata;
  return patchPod(deps, pod, 'merge', { metadata: { resourceVersion, labels, ...annotations } });
}

/** @returns the Pod as it is now; undefined when it is gone */
export async function patchPod(
  { client, pods }: WriteDeps,
  pod: Pod,
  type: 'merge' | 'strategic',
  body: object,
  options: { subresource?: string; dryRun?: boolean } = {},
): Promise<Pod | undefined> {
  const { namespace, name = '', uid = '' } = pod.metadata;
  try {
    const patched = await client.patch(PODS, { namespace, name }, { type, body }, options);
    if (!options.dryRun) pods.observe(patched);
    return patched;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    pods.observeGone(keyOf(pod), uid);
    return undefined;
  }
}

/**
 * Notes on the Pod that admission has changed images with a write of ours: the kubelet will restart these containers, and the Pod must not
 * be given back to service before.
 */
export async function noteRewrite(deps: WriteDeps, before: Pod, after: Pod | undefined): Promise<void> {
  const record = after && recordOfRewrite(before, after, revisionNameOf(before));
  if (!record) return;
  const { resourceVersion } = after.metadata;
  const annotations = { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(record) };
  await patchPod(deps, after, 'merge', { metadata: { resourceVersion, annotations } });
}

/** Gives running containers new CPU and memory, refused when the Pod is not as it was seen. */
export function resizePod(
  deps: WriteDeps,
  pod: Pod,
  resizes: readonly Resize[],
  options: { dryRun?: boolean } = {},
): Promise<Pod | undefined> {
  const sidecars = new Set(pod.spec.initContainers?.map(({ name }) => name));
  const containers = resizes.filter(({ name }) => !sidecars.has(name));
  const initContainers = resizes.filter(({ name }) => sidecars.has(name));
  const spec = {
    ...(containers.length > 0 ? { containers } : {}),
    ...(initContainers.length > 0 ? { initContainers } : {}),
  };
  const { resourceVersion } = pod.metadata;
  return patchPod(
    deps,
    pod,
    'strategic',
    { metadata: { resourceVersion }, spec },
    { subresource: 'resize', ...options },
  );
}

/** Deletes the Pod if it is as it was seen: one that changed meanwhile may no longer be permitted to go. */
export async function deletePod({ client, pods }: WriteDeps, pod: Pod): Promise<void> {
  const { namespace, name = '', uid = '', resourceVersion } = pod.metadata;
  const preconditions = { uid, ...(resourceVersion ? { resourceVersion } : {}) };
  const answer = await client.delete(PODS, { namespace, name }, preconditions);
  if (answer && isTerminating(answer)) pods.observe(answer);
  else pods.observeGone(keyOf(pod), uid);
}

/** Thrown when a decision was made on a cache that turned out to be behind. */
export function staleCache(message: string): ConflictError {
  return new ConflictError(message, { status: 409, reason: 'StaleCache' });
}
