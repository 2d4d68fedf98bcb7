// The finalizer that holds an employer until everything of it is removed at the provider.

import { EMPLOYER_CLEAN_FINALIZER, type KubeObject } from '@kuperator/api';

/** Finalizer of early versions of the Go implementation; too long for employer names over 57 characters (T89). */
function oldCleanFinalizerOf(employer: KubeObject): string {
  return `resource-consist.kusionstack.io/clean-${employer.metadata.name ?? ''}`;
}

/** The clean finalizers that the employer has, under the present and the old name. */
export function cleanFinalizersOf(employer: KubeObject): readonly string[] {
  const names = [EMPLOYER_CLEAN_FINALIZER, oldCleanFinalizerOf(employer)];
  return names.filter((name) => employer.metadata.finalizers?.includes(name));
}

/** The finalizer list with the clean finalizer under its present name; undefined if the list already has it. */
export function withCleanFinalizer(employer: KubeObject): readonly string[] | undefined {
  const finalizers = employer.metadata.finalizers ?? [];
  if (finalizers.includes(EMPLOYER_CLEAN_FINALIZER)) return undefined;
  const old = oldCleanFinalizerOf(employer);
  return [...finalizers.filter((finalizer) => finalizer !== old), EMPLOYER_CLEAN_FINALIZER];
}

/** The finalizer list without the clean finalizer under either name; undefined if the list has none. */
export function withoutCleanFinalizer(employer: KubeObject): readonly string[] | undefined {
  const clean = cleanFinalizersOf(employer);
  if (clean.length === 0) return undefined;
  return (employer.metadata.finalizers ?? []).filter((finalizer) => !clean.includes(finalizer));
}
