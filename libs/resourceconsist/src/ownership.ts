// Decides which adapter guards an employer. Two adapters on the same employer would share its finalizer on Pods (T112): the adapter whose traffic
// is off first would release a Pod that still has traffic of the other. So only one adapter guards an employer, and an annotation names it.

import {
  EMPLOYER_ADAPTER_ANNOTATION,
  EXPECTED_FINALIZERS_RECORD_ANNOTATION,
  type KubeObject,
  LIFECYCLE_FINALIZERS_RECORD_ANNOTATION,
  type ObjectMeta,
  own,
} from '@kuperator/api';
import { type Adapter, backendOf } from './adapter.ts';
import { cleanFinalizersOf } from './clean-finalizer.ts';

const RECORDS = {
  expectedFinalizers: EXPECTED_FINALIZERS_RECORD_ANNOTATION,
  lifecycleFinalizers: LIFECYCLE_FINALIZERS_RECORD_ANNOTATION,
} as const;

/**
 * The text that says why another adapter guards the employer; undefined if none does. It checks, in this order:
 *
 * 1. The annotation `resource-consist.kusionstack.io/adapter` names another adapter, from which this one does not take over. Adapters on this framework write it before they touch
 *    a Pod, and a user may write it before.
 * 2. Marks of the Go framework, which writes no name: the clean finalizer that each of its adapters adds to its employers, and the records
 *    that some of them keep. Marks that this adapter writes itself do not count while the annotation names it.
 * @param wasOurs this process has guarded the employer: if its name was removed meanwhile, it is written again
 */
export function foreignMark<E extends KubeObject>(
  employer: E,
  adapter: Adapter<E>,
  { wasOurs = false }: { wasOurs?: boolean } = {},
): string | undefined {
  const annotations = employer.metadata.annotations ?? {};
  const named = annotations[EMPLOYER_ADAPTER_ANNOTATION];
  if (named && named !== adapter.name && !adapter.takesOverFrom?.(named, employer))
    return `annotation ${EMPLOYER_ADAPTER_ANNOTATION} names ${named}`;
  if (adapter.takesOverFromGo?.(employer)) return undefined;
  const isNamed = named ? named === adapter.name : wasOurs;
  const [finalizer] = isNamed && backendOf(adapter) ? [] : cleanFinalizersOf(employer);
  if (finalizer) return `finalizer ${finalizer} was added by an adapter of the Go framework`;
  const record = (['expectedFinalizers', 'lifecycleFinalizers'] as const).find(
    (kind) => annotations[RECORDS[kind]] && !(isNamed && adapter.records?.[kind]),
  );
  return record && `annotation ${RECORDS[record]} is kept by an adapter of the Go framework`;
}

/** The part of an employer's metadata that shows which adapter guards it, for the informer of an observer, which trims employers. */
export function ownershipOf({ metadata }: KubeObject): Pick<ObjectMeta, 'annotations' | 'finalizers'> {
  const kept = [EMPLOYER_ADAPTER_ANNOTATION, ...Object.values(RECORDS)].flatMap((name): [string, string][] => {
    const value = own(metadata.annotations, name);
    // Only the presence of a record matters. Its value may have many kilobytes.
    return value ? [[name, name === EMPLOYER_ADAPTER_ANNOTATION ? value : '…']] : [];
  });
  const finalizers = cleanFinalizersOf({ metadata });
  return {
    ...(kept.length > 0 ? { annotations: Object.fromEntries(kept) } : {}),
    ...(finalizers.length > 0 ? { finalizers: [...finalizers] } : {}),
  };
}

/**
 * Change of the annotation that names the adapter which guards the employer's Pods; undefined if it is correct. An employer that is being
 * deleted keeps the annotation, but marks no new Pods. An employer that opted out keeps it until all marks are gone, because without it they
 * would look like those of another adapter.
 */
export function adapterMark(
  employer: KubeObject,
  guard: 'guarded' | 'released',
  adapter: string,
): Record<string, string | null> | undefined {
  const mark = employer.metadata.annotations?.[EMPLOYER_ADAPTER_ANNOTATION];
  if (guard === 'guarded') return mark === adapter ? undefined : { [EMPLOYER_ADAPTER_ANNOTATION]: adapter };
  return mark === adapter ? { [EMPLOYER_ADAPTER_ANNOTATION]: null } : undefined;
}
