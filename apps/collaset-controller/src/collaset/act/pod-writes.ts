import { type CollaSet, controllerOf, isTerminating, LAST_POD_STATUS_ANNOTATION, PODS, type Pod } from '@kuperator/api';
import type { LabelChanges } from '@kuperator/lifecycle';
import {
  AlreadyExistsError,
  ConflictError,
  NotFoundError,
  type ObjectChange,
  type ObjectWriter,
  objectWriter,
} from '@kuperator/runtime';
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
  const metadata = { labels, ...(Object.keys(changes).length > 0 ? { annotations: changes } : {}) };
  return patchPod(deps, pod, { type: 'merge', body: { metadata } });
}

/**
 * Patches the Pod.
 * @returns the Pod after the write; undefined if it is gone
 * @throws ConflictError if the Pod has changed
 */
export function patchPod(deps: WriteDeps, pod: Pod, change: ObjectChange): Promise<Pod | undefined> {
  return writerOf(deps).patch(pod, change);
}

function writerOf({ client, pods }: WriteDeps): ObjectWriter<Pod> {
  return objectWriter({ client, resource: PODS, cache: pods });
}

/**
 * Records on the Pod that admission changed images in a write of this controller. The kubelet restarts these containers, and the Pod must
 * not return to service before that.
 */
export async function noteRewrite(deps: WriteDeps, before: Pod, after: Pod | undefined): Promise<void> {
  const record = after && recordOfRewrite(before, after, revisionNameOf(before));
  if (!record) return;
  const annotations = { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(record) };
  await patchPod(deps, after, { type: 'merge', body: { metadata: { annotations } } });
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
  const body = { spec };
  return patchPod(deps, pod, { type: 'strategic', body, subresource: 'resize', ...(dryRun ? { dryRun } : {}) });
}

/**
 * Deletes the Pod.
 * @throws ConflictError if the Pod has changed, because its operation may no longer be permitted
 */
export function deletePod(deps: WriteDeps, pod: Pod): Promise<void> {
  return writerOf(deps).delete(pod);
}

/** The error to throw if a decision was based on a stale cache. */
export function staleCache(message: string): ConflictError {
  return new ConflictError(message, { status: 409, reason: 'StaleCache' });
}
