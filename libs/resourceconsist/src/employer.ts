import { CONTROL_LABEL, isTerminating, type KubeObject } from '@kuperator/api';
import { type Adapter, backendOf, movesTraffic } from './adapter.ts';
import { cleanFinalizersOf } from './clean-finalizer.ts';
import { foreignMark } from './ownership.ts';

/**
 * - `active`: takes part; its selected Pods are marked.
 * - `leaving`: is being deleted; its traffic is turned off, then its marks are removed.
 * - `out`: opted out, or cannot take part. Our marks on Pods (and our records at a provider) are removed immediately.
 * - `foreign`: guarded by another adapter. Its Pods and their marks are left alone.
 */
export type EmployerStanding = 'active' | 'leaving' | 'out' | 'foreign';

export function standingOfEmployer<E extends KubeObject>(
  employer: E,
  adapter: Adapter<E>,
  options: { wasOurs?: boolean } = {},
): EmployerStanding {
  // Check this before the label, because adapters of the Go framework may have their own way to opt in.
  if (adapter.claims?.(employer) === false || foreignMark(employer, adapter, options)) return 'foreign';
  if (!isOptedIn(employer) || adapter.refuses?.(employer)) return 'out';
  return isTerminating(employer) ? 'leaving' : 'active';
}

/** Only the exact value counts, as for Pods. */
export function isOptedIn(employer: KubeObject): boolean {
  return employer.metadata.labels?.[CONTROL_LABEL] === 'true';
}

/**
 * Whether the provider must be asked in this pass: always for an active employer whose traffic the adapter moves, and for any other as long
 * as the clean finalizer says that we may own something there.
 */
export function ownsBackend<E extends KubeObject>(
  employer: E,
  standing: EmployerStanding,
  adapter: Adapter<E>,
): boolean {
  const isMoved = standing === 'active' && movesTraffic(adapter, employer);
  return backendOf(adapter) !== undefined && (isMoved || cleanFinalizersOf(employer).length > 0);
}
