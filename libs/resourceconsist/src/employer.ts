import {
  CONTROL_LABEL,
  EMPLOYER_ADAPTER_ANNOTATION,
  EMPLOYER_CLEAN_FINALIZER,
  isTerminating,
  type KubeObject,
} from '@kuperator/api';
import { type Adapter, isObserver } from './adapter.ts';

/**
 * - `active`: takes part, its selected Pods are marked.
 * - `leaving`: is being deleted; traffic is taken off, then its marks.
 * - `out`: asked to be left alone, or cannot take part. What we put on Pods (and own at a provider) goes at once.
 * - `foreign`: another adapter's; nothing of it is touched.
 */
export type EmployerStanding = 'active' | 'leaving' | 'out' | 'foreign';

export function standingOfEmployer<E extends KubeObject>(employer: E, adapter: Adapter<E>): EmployerStanding {
  if (adapter.claims?.(employer) === false) return 'foreign';
  if (!isOptedIn(employer) || adapter.refuses?.(employer)) return 'out';
  return isTerminating(employer) ? 'leaving' : 'active';
}

/** Only the exact value counts, as for Pods. */
export function isOptedIn(employer: KubeObject): boolean {
  return employer.metadata.labels?.[CONTROL_LABEL] === 'true';
}

/**
 * Change of the annotation that tells others which adapter guards the employer's Pods; undefined when it is right. It goes
 * with the employer: one that is being deleted guards no new Pods.
 */
export function adapterMark(
  employer: KubeObject,
  standing: EmployerStanding,
  adapter: string,
): Record<string, string | null> | undefined {
  const mark = employer.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION];
  if (standing === 'active') return mark === adapter ? undefined : { [EMPLOYER_ADAPTER_ANNOTATION]: adapter };
  return mark === adapter && standing === 'out' ? { [EMPLOYER_ADAPTER_ANNOTATION]: null } : undefined;
}

/** Finalizer of early versions of the Go implementation; too long for employer names over 57 characters (T89). */
function oldCleanFinalizerOf(employer: KubeObject): string {
  return `resource-consist.kusionstack.io/clean-${employer.metadata.name ?? ''}`;
}

export function hasCleanFinalizer(employer: KubeObject): boolean {
  const finalizers = employer.metadata.finalizers ?? [];
  return finalizers.includes(EMPLOYER_CLEAN_FINALIZER) || finalizers.includes(oldCleanFinalizerOf(employer));
}

/** The finalizer list with the clean finalizer in its present name; undefined when it has it. */
export function withCleanFinalizer(employer: KubeObject): readonly string[] | undefined {
  const finalizers = employer.metadata.finalizers ?? [];
  if (finalizers.includes(EMPLOYER_CLEAN_FINALIZER)) return undefined;
  return [...withoutName(finalizers, oldCleanFinalizerOf(employer)), EMPLOYER_CLEAN_FINALIZER];
}

/** The finalizer list without the clean finalizer in either name; undefined when it has none. */
export function withoutCleanFinalizer(employer: KubeObject): readonly string[] | undefined {
  if (!hasCleanFinalizer(employer)) return undefined;
  return withoutName(
    withoutName(employer.metadata.finalizers ?? [], EMPLOYER_CLEAN_FINALIZER),
    oldCleanFinalizerOf(employer),
  );
}

function withoutName(finalizers: readonly string[], name: string): readonly string[] {
  return finalizers.filter((finalizer) => finalizer !== name);
}

/**
 * Whether the provider must be asked in this pass: always for an active employer, and for any other as long as the clean
 * finalizer says that we may own something there.
 */
export function ownsBackend<E extends KubeObject>(
  employer: E,
  standing: EmployerStanding,
  adapter: Adapter<E>,
): boolean {
  return !isObserver(adapter.traffic) && (standing === 'active' || hasCleanFinalizer(employer));
}
