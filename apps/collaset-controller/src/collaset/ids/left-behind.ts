// Pods that once were a set's and that its selector, changed meanwhile, no longer matches: they run on, and nobody keeps them.
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

/** Index of Pods without a controller by what the names of their set's Pods begin with. */
export const LEFT_BEHIND = 'left-behind';

export function leftBehindBy(pod: Pod): readonly string[] {
  const { namespace, generateName, labels = {} } = pod.metadata;
  if (generateName === undefined || controllerOf(pod) || labels[CONTROL_LABEL] !== 'true') return [];
  // Excluded Pods were let go on purpose.
  return labels[INSTANCE_ID_LABEL] === undefined || labels[ORPHANED_LABEL] !== undefined
    ? []
    : [`${namespace}/${generateName}`];
}

/** Key of the set whose Pod this once was; undefined for any other Pod. */
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

/** For people; empty when there are none. */
export function leftBehindText(pods: readonly Pod[]): string {
  if (pods.length === 0) return '';
  const names = pods.map(({ metadata }) => metadata.name ?? '').toSorted();
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  const subject =
    names.length === 1
      ? '1 Pod that spec.selector no longer matches runs'
      : `${names.length} Pods that spec.selector no longer matches run`;
  return `${subject} on without the set: ${names.slice(0, SHOWN).join(', ')}${more}`;
}
