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

/** The claims of claim templates that the Pod mounts. Claims that the Pod template names itself do not belong to the instance. */
export function mountedClaims(deps: Pick<Deps, 'claims'>, pod: Pod): readonly PersistentVolumeClaim[] {
  return (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => {
    const claim =
      persistentVolumeClaim && deps.claims.get(`${pod.metadata.namespace}/${persistentVolumeClaim.claimName}`);
    return claim?.metadata.labels?.[PVC_TEMPLATE_NAME_LABEL] === undefined ? [] : [claim];
  });
}

/** Releases the claims and then the Pod, which keeps running. After a crash, the remaining claims are found through the Pod. */
export async function excludePod(deps: Deps, set: CollaSet, pod: Pod): Promise<void> {
  for (const claim of mountedClaims(deps, pod)) {
    if (isOwnedBy(set, claim)) await moveClaim(deps, set, { claim, labels: { [ORPHANED_LABEL]: 'true' } });
  }
  // An operation of the set would keep the Pod out of service for ever.
  const cancelled = cancelOperation(pod, { id: COLLASET_OPERATION_ID, nanos: deps.clock.nanos() });
  const { ownerReferences = [] } = pod.metadata;
  const metadata = {
    labels: { ...cancelled, [ORPHANED_LABEL]: 'true', [TO_EXCLUDE_LABEL]: null },
    annotations: { [LAST_POD_STATUS_ANNOTATION]: null },
    ownerReferences: ownerReferences.filter(({ uid }) => uid !== set.metadata.uid),
  };
  await patchPod(deps, pod, { type: 'merge', body: { metadata } });
}

/** Takes over the Pod and then its claims. After a crash, the remaining claims are found through the Pod. */
export async function includePod(deps: Deps, set: CollaSet, { pod, id }: Inclusion): Promise<void> {
  const { ownerReferences = [] } = pod.metadata;
  const metadata = {
    labels: { [INSTANCE_ID_LABEL]: String(id), [ORPHANED_LABEL]: null, [TO_EXCLUDE_LABEL]: null },
    ownerReferences: [...ownerReferences, controllerReference(set)],
  };
  const patched = await patchPod(deps, pod, { type: 'merge', body: { metadata } });
  if (patched) await takeClaims(deps, set, { pod, id });
}

/**
 * Takes over the claims without an owner that a Pod of the set mounts. They are left from an interrupted inclusion, or from an exclusion
 * that the user cancelled.
 * @throws ConflictError if the Pod no longer belongs to the set. The cache then shows that.
 */
export async function bringClaims({ deps, set }: Pass, { pod }: ActionOf<'bringClaims'>): Promise<Written> {
  const id = instanceIdOf(pod);
  if (id === undefined || !mountedClaims(deps, pod).some(isNobodys)) return SKIPPED;
  // Another replica may have excluded the Pod. If the set took over only the claims, it would delete them as unused.
  await verifyOwned(deps, set, pod);
  await takeClaims(deps, set, { pod, id });
  return DONE;
}

async function takeClaims(deps: Deps, set: CollaSet, { pod, id }: Inclusion): Promise<void> {
  for (const claim of mountedClaims(deps, pod).filter(isNobodys)) {
    await moveClaim(deps, set, { claim, labels: { [INSTANCE_ID_LABEL]: String(id), [ORPHANED_LABEL]: null } });
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
  throw staleCache(`Pod ${namespace}/${name} no longer belongs to the set`);
}

type ClaimMove = { readonly claim: PersistentVolumeClaim; readonly labels: Readonly<Record<string, string | null>> };

/** Writes the labels. The set becomes the owner of the claim if they remove the label `orphaned`, and stops being it otherwise. */
async function moveClaim(deps: Deps, set: CollaSet, { claim, labels }: ClaimMove): Promise<void> {
  const { namespace, name = '', resourceVersion, ownerReferences = [] } = claim.metadata;
  const others = ownerReferences.filter(({ uid }) => uid !== set.metadata.uid);
  const owners = labels[ORPHANED_LABEL] === null ? [...others, controllerReference(set)] : others;
  const body = { metadata: { resourceVersion, labels, ownerReferences: owners } };
  deps.claims.observe(await deps.client.patch(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, { type: 'merge', body }));
}
