import {
  type CollaSet,
  controllerOf,
  isTerminal,
  isTerminating,
  matchesSelector,
  type PersistentVolumeClaim,
  type Pod,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { type EntryData, freeIds, INCLUDE, idsOf, type Pool } from '../ids/instance-id.ts';
import { instanceIdOf, isSequence, type Members } from '../ids/members.ts';
import { duplicate, type Refusal } from './exclude.ts';

/** A Pod that the set takes over, and the instance id that it gets. */
export type Inclusion = { readonly pod: Pod; readonly id: number };

export type IncludePlan = {
  readonly pods: readonly Inclusion[];
  readonly refused: readonly Refusal[];
};

type IncludeInput = {
  readonly set: CollaSet;
  readonly members: Members;
  readonly pool: Pool;
  /** The Pod of that name in the set's namespace, if it has the label `kusionstack.io/control`. */
  readonly podNamed: (name: string) => Pod | undefined;
  readonly claimsOf: (pod: Pod) => readonly PersistentVolumeClaim[];
  /** Ids for which the set has claims. An included Pod brings its own claims, and an id has only one claim of each template. */
  readonly claimed: ReadonlySet<number>;
};

/** Chooses the Pods in podToInclude that the set takes over. A Pod that it refuses does not block anything else. Pure. */
export function planInclude({ set, members, pool, podNamed, claimsOf, claimed }: IncludeInput): IncludePlan {
  const { podToInclude = [], podToExclude = [] } = set.spec.scaleStrategy ?? {};
  const pods: Inclusion[] = [];
  const refused: Refusal[] = [];
  if (set.spec.paused || isSequence(set)) return { pods, refused };
  const excluded = new Set(podToExclude);
  const occupied = idsOf(members.occupying);
  const chosen: number[] = [];
  for (const name of [...new Set(podToInclude)].toSorted()) {
    const pod = podNamed(name);
    if (pod && controllerOf(pod)?.uid === set.metadata.uid) continue;
    if (excluded.has(name)) {
      refused.push(duplicate(name));
      continue;
    }
    const reason = refusalOf(set, pod, claimsOf);
    if (reason !== undefined || !pod) {
      refused.push({ pod: name, reason: 'IncludeNotAllowed', message: `Pod ${name} cannot be included: ${reason}` });
      continue;
    }
    const id = idFor(pod, { pool, occupied, chosen, claimed });
    chosen.push(id);
    pods.push({ pod, id });
  }
  return { pods, refused };
}

function refusalOf(
  set: CollaSet,
  pod: Pod | undefined,
  claimsOf: (pod: Pod) => readonly PersistentVolumeClaim[],
): string | undefined {
  if (!pod) return 'no Pod of this name has the label kusionstack.io/control: "true"';
  const owner = controllerOf(pod);
  if (owner) return `${owner.kind} ${owner.name} controls it`;
  if (isTerminating(pod) || isTerminal(pod)) return 'it has ended';
  if (pod.metadata.labels?.[TO_DELETE_LABEL] !== undefined) return 'it is to be deleted';
  if (!matchesSelector(set.spec.selector, pod.metadata.labels)) return "it does not match the set's selector";
  for (const claim of claimsOf(pod)) {
    const holder = controllerOf(claim);
    if (holder && holder.uid !== set.metadata.uid) {
      return `${holder.kind} ${holder.name} controls its claim ${claim.metadata.name}`;
    }
  }
  return undefined;
}

type Ids = Pick<IncludeInput, 'pool' | 'claimed'> & {
  readonly occupied: ReadonlySet<number>;
  readonly chosen: readonly number[];
};

/** The id that an earlier attempt recorded for the Pod, or the Pod's own id if it is free, or else the lowest free id. */
function idFor(pod: Pod, { pool, claimed, occupied, chosen }: Ids): number {
  const begun = [...pool.own].find(([, data]) => data[INCLUDE] === pod.metadata.uid)?.[0];
  const own = instanceIdOf(pod);
  const isFree = (id: number) => !occupied.has(id) && !pool.foreign.has(id) && !chosen.includes(id);
  if (begun !== undefined && isFree(begun)) return begun;
  if (own !== undefined && isFree(own) && !claimed.has(own) && !isAwaited(pool.own.get(own))) return own;
  const [id = 0] = freeIds(pool, { occupied, chosen: [...chosen, ...claimed], count: 1 });
  return id;
}

/** True if another Pod may be about to be created for the id. */
function isAwaited(data: EntryData | undefined): boolean {
  return data !== undefined && Object.keys(data).some((key) => key.startsWith('Pod') || key.startsWith('Replace'));
}
