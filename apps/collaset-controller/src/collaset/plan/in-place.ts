import {
  type Container,
  LAST_POD_STATUS_ANNOTATION,
  own,
  type Pod,
  type PodTemplateSpec,
  PREPARING_TO_DELETE_LABEL,
  REVISION_LABEL,
  setOwn,
} from '@kuperator/api';
import { type ClaimDifference, differenceOfClaims } from '../claims/claim-growth.ts';
import { revisionNameOf } from '../ids/members.ts';
import { reservedLabels } from '../ids/pod-template.ts';
import { firstDifference } from '../revision/difference.ts';
import { defaultPullPolicy } from '../revision/pod-defaults.ts';
import type { Revision } from '../revision/revision-data.ts';
import { isContainerEnded, type Knowledge } from './in-place-end.ts';
import { recordFor, resizedContainers } from './in-place-record.ts';
import {
  isSidecar,
  type Resize,
  resizableOf,
  resizeObstacle,
  resizesBetween,
  runningContainers,
  withoutResizable,
} from './resources.ts';

type Changes = Record<string, string | null>;
type Image = { readonly name: string; readonly image: string };

/** How a Pod gets from one revision to another. */
export type Transition =
  | {
      readonly mode: 'in-place';
      readonly labels: Changes;
      readonly annotations: Changes;
      readonly images: readonly Image[];
      /** Images of restartable init containers. */
      readonly sidecars: readonly Image[];
      /** New CPU and memory of the containers in which they differ: a write to `pods/resize`. */
      readonly resize: readonly Resize[];
      /** CPU and memory of every container at the new revision. */
      readonly resources: readonly Resize[];
      /** Names of the claim templates that ask for more storage. */
      readonly grows: readonly string[];
    }
  | { readonly mode: 'recreate'; readonly reason: string };
export type InPlaceTransition = Transition & { mode: 'in-place' };

/** Why a Pod without a known revision is recreated. */
export const UNKNOWN_REVISION = 'its present revision is unknown';

/**
 * Compares two revisions and decides whether a running Pod can change from one to the other in place. That is possible if they differ only
 * in labels, annotations, images and resources of containers and sidecars, and the size of claims. The comparison uses the templates and
 * not the Pod, so changes that users or injectors made to the Pod do not count.
 * @param from undefined if the Pod's revision is unknown
 */
export function planTransition(from: Revision | undefined, to: Revision): Transition {
  if (!from) return { mode: 'recreate', reason: UNKNOWN_REVISION };
  const claims: ClaimDifference = differenceOfClaims(from.claimTemplates, to.claimTemplates);
  if (claims === 'other') return { mode: 'recreate', reason: 'volumeClaimTemplates differ' };
  const difference = firstDifference(
    comparable(from.template, to.template),
    comparable(to.template, from.template),
    'spec',
  );
  if (difference) return { mode: 'recreate', reason: `${difference} differs` };
  const before = from.template.spec;
  const after = to.template.spec;
  const resize = resizesBetween(before, after);
  const obstacle = resize.length > 0 ? resizeObstacle(before, after) : undefined;
  if (obstacle) return { mode: 'recreate', reason: `resources differ and cannot be resized: ${obstacle}` };
  return {
    mode: 'in-place',
    labels: withoutReserved(changesOf(from.template.metadata?.labels, to.template.metadata?.labels)),
    annotations: changesOf(from.template.metadata?.annotations, to.template.metadata?.annotations),
    images: imagesBetween(before.containers, after.containers),
    sidecars: imagesBetween(before.initContainers?.filter(isSidecar), after.initContainers?.filter(isSidecar)),
    resize,
    resources: runningContainers(after).map((container) => ({
      name: container.name,
      resources: resizableOf(container),
    })),
    grows: claims.grows,
  };
}

/** True if only claims grow. The containers keep running, so the change needs no permission. */
export function leavesContainersAlone({ images, sidecars, resize, grows }: InPlaceTransition): boolean {
  return grows.length > 0 && images.length + sidecars.length + resize.length === 0;
}

export type PatchInput = {
  /** Name of the new revision. */
  readonly revision: string;
  readonly transition: InPlaceTransition;
  /** Further label changes; applied only if the Pod has the label `preparing-to-delete`. */
  readonly labels?: Changes;
  readonly knowledge?: Knowledge;
};

/**
 * Body of the strategic merge patch that changes the Pod to `revision`. One write changes the spec, the revision label and the record.
 * Resizes are only recorded, because they need a separate write to `pods/resize`.
 */
export function inPlacePatch(pod: Pod, { revision, transition, labels = {}, knowledge = NO_KNOWLEDGE }: PatchInput) {
  const { images, sidecars } = transition;
  const dropped = pod.metadata.labels?.[PREPARING_TO_DELETE_LABEL] === undefined ? {} : labels;
  const changed = new Map([...images, ...sidecars].map(({ name, image }) => [name, image]));
  const record = recordFor(pod, {
    images: changed,
    resizes: resizesFor(pod, transition),
    from: revisionNameOf(pod),
    isEnded: (container) => isContainerEnded(pod, container, knowledge),
  });
  const spec = {
    ...(images.length > 0 ? { containers: images } : {}),
    ...(sidecars.length > 0 ? { initContainers: sidecars } : {}),
  };
  return {
    metadata: {
      ...metadataPatch(pod, { revision, transition, labels: dropped }),
      annotations: { ...transition.annotations, [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(record) },
    },
    ...(changed.size > 0 ? { spec } : {}),
  };
}

const NO_KNOWLEDGE: Knowledge = { nowMs: 0 };

/** The metadata of an in-place change. */
export function metadataPatch(pod: Pod, { revision, transition, labels }: Omit<PatchInput, 'knowledge'>) {
  return {
    resourceVersion: pod.metadata.resourceVersion,
    labels: { ...transition.labels, ...labels, [REVISION_LABEL]: revision },
    annotations: transition.annotations,
  };
}

/** The resizes of the change. They include containers that an earlier change should have resized, because it may not have done so. */
export function resizesFor(pod: Pod, { resize, resources }: InPlaceTransition): readonly Resize[] {
  const names = new Set([...resize.map(({ name }) => name), ...resizedContainers(pod)]);
  return resources.filter(({ name }) => names.has(name));
}

function imagesBetween(from: PodTemplateSpec['spec']['containers'] = [], to: typeof from = []): readonly Image[] {
  return to.flatMap(({ name, image }, index) =>
    image !== undefined && image !== from[index]?.image ? [{ name, image }] : [],
  );
}

/** The template without the fields that can change in place, for the comparison with `other`. */
function comparable(template: PodTemplateSpec, other: PodTemplateSpec): unknown {
  const { containers, initContainers, ...spec } = template.spec;
  const bare = (container: Container, counterpart: Container | undefined) => {
    const { image: _, imagePullPolicy, ...rest } = withoutResizable(container);
    return hasSamePullPolicy(container, counterpart) ? rest : { ...rest, imagePullPolicy };
  };
  return {
    ...spec,
    containers: containers.map((container, index) => bare(container, other.spec.containers[index])),
    initContainers: initContainers?.map((container, index) =>
      isSidecar(container) ? bare(container, other.spec.initContainers?.[index]) : container,
    ),
  };
}

/** Without `imagePullPolicy`, the API server derives it from the image when the Pod is created. A later change of the image keeps it. */
function hasSamePullPolicy(a: Container, b: Container | undefined): boolean {
  if (!b || a.imagePullPolicy === b.imagePullPolicy) return true;
  const [left, right] = [a, b].map(({ image, imagePullPolicy }) => imagePullPolicy ?? defaultPullPolicy(image));
  return left === right;
}

function changesOf(from: Record<string, string> = {}, to: Record<string, string> = {}): Changes {
  const changes: Changes = {};
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) setOwn(changes, key, null);
  for (const [key, value] of Object.entries(to)) if (own(from, key) !== value) setOwn(changes, key, value);
  return changes;
}

function withoutReserved(changes: Changes): Changes {
  return Object.fromEntries(Object.entries(changes).filter(([key]) => !reservedLabels.has(key)));
}
