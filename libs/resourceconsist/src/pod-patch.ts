import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod } from '@kuperator/api';
import { isEmpty, type LabelChanges, withExpectedFinalizer, withFinalizer } from '@kuperator/lifecycle';
import type { Patch } from '@kuperator/runtime';
import type { EmployerMarks, PodChange } from './pod-plan.ts';

export type PodPatch = {
  readonly metadata: {
    /** Precondition: two employers that change the same annotation or finalizer list must not overwrite each other. */
    readonly resourceVersion: string | undefined;
    readonly annotations?: Record<string, string>;
    readonly finalizers?: readonly string[];
    readonly labels?: LabelChanges;
  };
};

/**
 * One merge patch that makes `change` and the label changes that the lifecycle derives from it: the removal of the last finalizer grants
 * `operate`; the addition of the last one, or the removal of the key that the Pod waited for, ends the operation.
 * @throws Error if the Pod's expected-finalizers annotation cannot be parsed
 */
export function podPatchFor(
  pod: Pod,
  { marks, change, nanos }: { readonly marks: EmployerMarks; readonly change: PodChange; readonly nanos: string },
): PodPatch {
  const { resourceVersion } = pod.metadata;
  const annotations =
    change.expected === undefined
      ? {}
      : {
          [AVAILABLE_CONDITIONS_ANNOTATION]: withExpectedFinalizer(
            pod,
            marks.expectedKey,
            change.expected ? marks.finalizer : null,
          ),
        };
  const annotated: Pod = {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } },
  };
  const held = pod.metadata.finalizers?.includes(marks.finalizer) ?? false;
  const { finalizers, labels } = withFinalizer(annotated, {
    finalizer: marks.finalizer,
    present: change.finalizer ?? held,
    nanos,
  });
  return {
    metadata: {
      resourceVersion,
      ...(change.expected === undefined ? {} : { annotations }),
      ...(change.finalizer === undefined ? {} : { finalizers }),
      ...(isEmpty(labels) ? {} : { labels }),
    },
  };
}

/**
 * The same for a change of only the annotation, without label changes. The patch applies to this Pod as long as the annotation is unchanged.
 * It does not require the version, because the scheduler, the kubelet and the coordinator write a new Pod at the same time, and most
 * announcements would fail (measured: 1.6 conflicts for each Pod). The API server refuses it with 422 if the annotation has changed.
 * @returns undefined if more than the annotation changes
 */
export function annotationPatchFor({ metadata }: PodPatch, pod: Pod): Patch | undefined {
  const text = metadata.annotations?.[AVAILABLE_CONDITIONS_ANNOTATION];
  if (text === undefined || metadata.finalizers || metadata.labels) return undefined;
  const { uid, annotations } = pod.metadata;
  const test = (path: string, value: unknown) => ({ op: 'test', path, value });
  const add = (path: string, value: unknown) => ({ op: 'add', path, value });
  // Null means that the key is missing. The test of a key needs the map itself.
  const changes = annotations
    ? [test(ANNOTATION_PATH, annotations[AVAILABLE_CONDITIONS_ANNOTATION] ?? null), add(ANNOTATION_PATH, text)]
    : [test('/metadata/annotations', null), add('/metadata/annotations', { [AVAILABLE_CONDITIONS_ANNOTATION]: text })];
  return { type: 'json', body: [test('/metadata/uid', uid), ...changes] };
}

const ANNOTATION_PATH = `/metadata/annotations/${AVAILABLE_CONDITIONS_ANNOTATION.replaceAll('/', '~1')}`;
