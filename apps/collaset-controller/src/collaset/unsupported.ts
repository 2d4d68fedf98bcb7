import { type CollaSet, updatePolicyOf } from '@kuperator/api';

/**
 * Why the set's Pods are not updated although the spec asks for it; undefined when nothing is in the way. The seam for what is not built
 * yet: no other policy stands in for it silently.
 */
export function unsupportedUpdate(set: CollaSet): string | undefined {
  return updatePolicyOf(set) === 'Replace'
    ? 'podUpgradePolicy Replace is not supported yet: no Pod is updated'
    : undefined;
}

/** The same for the lists of Pods to take out of the set and into it. */
export function unsupportedScale(set: CollaSet): string | undefined {
  const { podToInclude = [], podToExclude = [] } = set.spec.scaleStrategy ?? {};
  return podToInclude.length + podToExclude.length > 0
    ? 'podToInclude and podToExclude are not supported yet: the Pods stay where they are'
    : undefined;
}
