import { type CollaSet, namePrefix } from '@kuperator/api';
import { nameSuffix } from '../revision/fnv.ts';
import { isSequence } from './members.ts';

/**
 * The name of the Pod for an instance id. It is computed, so that the API server refuses a second creation of the same Pod. Random names
 * derive from the set, the id and its incarnation, which grows with each new Pod of the id. Sequence names are `<set>-<id>`.
 * @see docs/decisions/0006-idempotent-pod-names.md
 */
export function podNameFor(set: CollaSet, id: number, incarnation: number): string {
  const name = set.metadata.name ?? '';
  if (isSequence(set)) return `${name}-${id}`;
  // Truncate the name to leave room for the suffix, as the API server does with generateName.
  return `${namePrefix(name, 57)}-${nameSuffix(`${set.metadata.uid}/${id}/${incarnation}`)}`;
}

/** The name of the Pod in dry runs. */
export function dryRunNameFor(set: CollaSet): string {
  return `${namePrefix(set.metadata.name ?? '', 54)}-dry-run`;
}

/** The prefix of Pod names in the Go implementation. Other programs use it to find the Pods of a set. */
export function generateNameFor(set: CollaSet): string {
  const name = set.metadata.name ?? '';
  // A name of the maximal length leaves no room for the dash.
  return name.length < 253 ? `${name}-` : name;
}

/** The label value by which a successor names its origin: the name of the origin, truncated and hashed if it is too long for a label. */
export function originLabelFor(podName: string): string {
  return podName.length <= 63 ? podName : `${namePrefix(podName, 57)}-${nameSuffix(podName)}`;
}
