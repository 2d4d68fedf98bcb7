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
 * Creates the Pod, unless an earlier attempt did.
 * @returns the name if another Pod has it
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
    // The other Pod is gone now, so the next pass can use the name.
    if (error instanceof NotFoundError) return {};
    throw error;
  }
  pods.observe(existing);
  const isOurs = controllerOf(existing)?.uid === set.metadata.uid && instanceIdOf(existing) === instanceIdOf(pod);
  return isOurs && !isTerminating(existing) ? {} : { taken: name };
}

/**
 * Writes label and annotation changes, and removes the record of an in-place change: it belongs to one operation, and the next operation
 * must not find it.
 * @throws ConflictError if the Pod has changed
 */
export function relabelPod(
  deps: WriteDeps,
  pod: Pod,
  { labels, annotations = {} }: { readonly labels: LabelChanges; readonly annotations?: LabelChanges },
): Promise<Pod | undefined> {
  const hasRecord = pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
  const changes = { ...annotations, ...(hasRecord ? { [LAST_POD_STATUS_ANNOTATION]: null } : {}) };
  const { resourceVersion } = pod.metadata;
  const metadata = { resourceVersion, labels, ...(Object.keys(changes).length > 0 ? { annotations: changes } : {}) };
  return patchPod(deps, pod, { type: 'merge', body: { metadata } });
}

export type PodPatch = {
  readonly type: 'merge' | 'strategic';
  readonly body: object;
  readonly subresource?: string;
  /** If true, the API server only answers what the write would do. */
  readonly dryRun?: boolean;
};

/** @returns the Pod after the write; undefined if it is gone */
export async function patchPod(
  { client, pods }: WriteDeps,
  pod: Pod,
  { type, body, ...options }: PodPatch,
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
 * Records on the Pod that admission changed images in a write of this controller. The kubelet restarts these containers, and the Pod must
 * not return to service before that.
 */
export async function noteRewrite(deps: WriteDeps, before: Pod, after: Pod | undefined): Promise<void> {
  const record = after && recordOfRewrite(before, after, revisionNameOf(before));
  if (!record) return;
  const { resourceVersion } = after.metadata;
  const annotations = { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(record) };
  await patchPod(deps, after, { type: 'merge', body: { metadata: { resourceVersion, annotations } } });
}

/**
 * Changes the CPU and memory of running containers.
 * @throws ConflictError if the Pod has changed
 */
export function resizePod(
  deps: WriteDeps,
  pod: Pod,
  { resizes, dryRun = false }: { readonly resizes: readonly Resize[]; readonly dryRun?: boolean },
): Promise<Pod | undefined> {
  const sidecars = new Set(pod.spec.initContainers?.map(({ name }) => name));
  const containers = resizes.filter(({ name }) => !sidecars.has(name));
  const initContainers = resizes.filter(({ name }) => sidecars.has(name));
  const spec = {
    ...(containers.length > 0 ? { containers } : {}),
    ...(initContainers.length > 0 ? { initContainers } : {}),
  };
  const { resourceVersion } = pod.metadata;
  const body = { metadata: { resourceVersion }, spec };
  return patchPod(deps, pod, { type: 'strategic', body, subresource: 'resize', ...(dryRun ? { dryRun } : {}) });
}

/**
 * Deletes the Pod.
 * @throws ConflictError if the Pod has changed, because its operation may no longer be permitted
 */
export async function deletePod({ client, pods }: WriteDeps, pod: Pod): Promise<void> {
  const { namespace, name = '', uid = '', resourceVersion } = pod.metadata;
  const preconditions = { uid, ...(resourceVersion ? { resourceVersion } : {}) };
  const answer = await client.delete(PODS, { namespace, name }, preconditions);
  if (answer && isTerminating(answer)) pods.observe(answer);
  else pods.observeGone(keyOf(pod), uid);
}

/** The error to throw if a decision was based on a stale cache. */
export function staleCache(message: string): ConflictError {
  return new ConflictError(message, { status: 409, reason: 'StaleCache' });
}
