// Pods that a set released because its selector changed and no longer matches them. They keep running without a controller.
import {
  CONTROL_LABEL,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  matchesSelector,
  ORPHANED_LABEL,
  type Pod,
} from '@kuperator/api';
import { isActive } from './members.ts';
import { generateNameFor } from './pod-name.ts';

/** Index of Pods without a controller, by namespace and `generateName`, which is the prefix of the Pod names of their set. */
export const LEFT_BEHIND = 'left-behind';

/** Index values of the Pod. */
export function leftBehindBy(pod: Pod): readonly string[] {
  const { namespace, generateName, labels = {} } = pod.metadata;
  if (generateName === undefined || controllerOf(pod) || labels[CONTROL_LABEL] !== 'true') return [];
  // A user excluded these Pods on purpose.
  return labels[INSTANCE_ID_LABEL] === undefined || labels[ORPHANED_LABEL] !== undefined
    ? []
    : [`${namespace}/${generateName}`];
}

/** Key of the set that the Pod belonged to; undefined for any other Pod. */
export function formerSetOf(pod: Pod): string | undefined {
  const [key] = leftBehindBy(pod);
  return key?.replace(/-$/, '');
}

type Cache = { byIndex(index: typeof LEFT_BEHIND, value: string): readonly Pod[] };

export function leftBehindOf(set: CollaSet, pods: Cache): readonly Pod[] {
  return pods
    .byIndex(LEFT_BEHIND, `${set.metadata.namespace}/${generateNameFor(set)}`)
    .filter((pod) => isActive(pod) && !isTerminating(pod))
    .filter(({ metadata }) => !matchesSelector(set.spec.selector, metadata.labels));
}

const SHOWN = 5;

/** Text for the condition `Scale` and an Event; empty without Pods. */
export function leftBehindText(pods: readonly Pod[]): string {
  if (pods.length === 0) return '';
  const names = pods.map(({ metadata }) => metadata.name ?? '').toSorted();
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  const subject = names.length === 1 ? '1 Pod keeps' : `${names.length} Pods keep`;
  const shown = names.slice(0, SHOWN).join(', ');
  return `${subject} running outside the set, because spec.selector no longer matches: ${shown}${more}`;
}
