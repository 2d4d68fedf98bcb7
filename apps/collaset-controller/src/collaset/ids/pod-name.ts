import { type CollaSet, namePrefix } from '@kuperator/api';
import { nameSuffix } from '../revision/fnv.ts';
import { isSequence } from './members.ts';

/**
 * Name of the Pod for an instance id. Computed, so that creating it twice is refused by the API server: with random naming from the
 * set, the id and its incarnation, which grows each time the id gets another Pod; with names by sequence `<set>-<id>`.
 * @see docs/decisions/0006-idempotent-pod-names.md
 */
export function podNameFor(set: CollaSet, id: number, incarnation: number): string {
  const name = set.metadata.name ?? '';
  if (isSequence(set)) return `${name}-${id}`;
  // As the API server does with generateName: what is too long for the suffix is cut.
  return `${namePrefix(name, 57)}-${nameSuffix(`${set.metadata.uid}/${id}/${incarnation}`)}`;
}

/** Name under which the API server is asked in a dry run what it would say to a Pod of the set. */
export function dryRunNameFor(set: CollaSet): string {
  return `${namePrefix(set.metadata.name ?? '', 54)}-dry-run`;
}

/** What the Go implementation has Pods' names begin with: others tell by it which Pods belong together. */
export function generateNameFor(set: CollaSet): string {
  const name = set.metadata.name ?? '';
  // The longest name there can be leaves no room for the dash.
  return name.length < 253 ? `${name}-` : name;
}

/** Value of the label by which a new Pod names the Pod whose place it takes: the name, if it is short enough for a label. */
export function originLabelFor(podName: string): string {
  return podName.length <= 63 ? podName : `${namePrefix(podName, 57)}-${nameSuffix(podName)}`;
}
