import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  LAST_POD_STATUS_ANNOTATION,
  ORPHANED_LABEL,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  PVC_TEMPLATE_NAME_LABEL,
  TO_EXCLUDE_LABEL,
} from '@kuperator/api';
import { cancelOperation } from '@kuperator/lifecycle';
import { NotFoundError } from '@kuperator/runtime';
import { isNobodys, isOwnedBy } from '../claims/claims.ts';
import { instanceIdOf } from '../ids/members.ts';
import type { ActionOf } from '../plan/action.ts';
import type { Inclusion } from '../plan/include.ts';
import { controllerReference } from '../revision/revision.ts';
import type { Deps } from './deps.ts';
import type { Pass } from './pass.ts';
import { patchPod, staleCache } from './pod-writes.ts';
import { DONE, SKIPPED, type Written } from './written.ts';

/** The claims of claim templates that a Pod mounts. Others, put into the Pod template by name, are nobody's to take along. */
export function mountedClaims(deps: Pick<Deps, 'claims'>, pod: Pod): readonly PersistentVolumeClaim[] {
  return (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => {
    const claim =
      persistentVolumeClaim && deps.claims.get(`${pod.metadata.namespace}/${persistentVolumeClaim.claimName}`);
    return claim?.metadata.labels?.[PVC_TEMPLATE_NAME_LABEL] === undefined ? [] : [claim];
  });
}

/** Lets the Pod and its claims go; it runs on. The claims first: it is by the Pod that the rest is found after a crash. */
export async function excludePod(deps: Deps, set: CollaSet, pod: Pod): Promise<void> {
  for (const claim of mountedClaims(deps, pod)) {
    if (isOwnedBy(set, claim)) await moveClaim(deps, set, claim, { [ORPHANED_LABEL]: 'true' });
  }
  // An operation of the set's would keep it out of service for ever.
  const cancelled = cancelOperation(pod, { id: COLLASET_OPERATION_ID, nanos: deps.clock.nanos() });
  const { resourceVersion, ownerReferences = [] } = pod.metadata;
  await patchPod(deps, pod, 'merge', {
    metadata: {
      resourceVersion,
      labels: { ...cancelled, [ORPHANED_LABEL]: 'true', [TO_EXCLUDE_LABEL]: null },
      annotations: { [LAST_POD_STATUS_ANNOTATION]: null },
      ownerReferences: ownerReferences.filter(({ uid }) => uid !== set.metadata.uid),
    },
  });
}

/** Takes the Pod in, and then its claims: once the Pod is the set's they are found again after a crash. */
export async function includePod(deps: Deps, set: CollaSet, { pod, id }: Inclusion): Promise<void> {
  const { resourceVersion, ownerReferences = [] } = pod.metadata;
  const patched = await patchPod(deps, pod, 'merge', {
    metadata: {
      resourceVersion,
      labels: { [INSTANCE_ID_LABEL]: String(id), [ORPHANED_LABEL]: null, [TO_EXCLUDE_LABEL]: null },
      ownerReferences: [...ownerReferences, controllerReference(set)],
    },
  });
  if (patched) await takeClaims(deps, set, pod, id);
}

/**
 * Gives a Pod of the set the claims that it mounts and that have no owner: the rest of an inclusion that broke off, or of an exclusion
 * that was taken back.
 * @throws ConflictError when the Pod is no longer the set's; the cache has caught up
 */
export async function bringClaims({ deps, set }: Pass, { pod }: ActionOf<'bringClaims'>): Promise<Written> {
  const id = instanceIdOf(pod);
  if (id === undefined || !mountedClaims(deps, pod).some(isNobodys)) return SKIPPED;
  // Another replica may have let the Pod go: its claims, made ours again without it, would be deleted as unused.
  await verifyOwned(deps, set, pod);
  await takeClaims(deps, set, pod, id);
  return DONE;
}

async function takeClaims(deps: Deps, set: CollaSet, pod: Pod, id: number): Promise<void> {
  for (const claim of mountedClaims(deps, pod).filter(isNobodys)) {
    await moveClaim(deps, set, claim, { [INSTANCE_ID_LABEL]: String(id), [ORPHANED_LABEL]: null });
  }
}

async function verifyOwned({ client, pods }: Deps, set: CollaSet, { metadata }: Pod): Promise<void> {
  const { namespace, name = '', uid = '' } = metadata;
  let found: Pod | undefined;
  try {
    found = await client.get(PODS, { namespace, name });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  if (found?.metadata.uid === uid && controllerOf(found)?.uid === set.metadata.uid) return;
  if (found) pods.observe(found);
  else pods.observeGone(`${namespace}/${name}`, uid);
  throw staleCache(`Pod ${namespace}/${name} is not the set's any more`);
}

/** An orphaned claim is nobody's, any other one the set's. */
async function moveClaim(
  deps: Deps,
  set: CollaSet,
  claim: PersistentVolumeClaim,
  labels: Record<string, string | null>,
): Promise<void> {
  const { namespace, name = '', resourceVersion, ownerReferences = [] } = claim.metadata;
  const others = ownerReferences.filter(({ uid }) => uid !== set.metadata.uid);
  const owners = labels[ORPHANED_LABEL] === null ? [...others, controllerReference(set)] : others;
  const body = { metadata: { resourceVersion, labels, ownerReferences: owners } };
  deps.claims.observe(await deps.client.patch(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, { type: 'merge', body }));
}
