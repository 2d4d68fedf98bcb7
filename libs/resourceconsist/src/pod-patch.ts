import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod } from '@kuperator/api';
import { isEmpty, type LabelChanges, withExpectedFinalizer, withFinalizer } from '@kuperator/lifecycle';
import type { EmployerMarks, PodChange } from './pod-plan.ts';

export type PodPatch = {
  readonly metadata: {
    /** Precondition: two employers that change one annotation or finalizer list must not overwrite each other. */
    readonly resourceVersion: string | undefined;
    readonly annotations?: Record<string, string>;
    readonly finalizers?: readonly string[];
    readonly labels?: LabelChanges;
  };
};

/**
 * The one merge patch that makes `change`, with the label changes the lifecycle says follow from it: the last finalizer off
 * grants `operate`, the last one on (or a key gone that held it up) ends the operation.
 * @throws Error when the Pod's expected-finalizers annotation cannot be understood
 */
export function podPatchFor(pod: Pod, marks: EmployerMarks, change: PodChange, nanos: string): PodPatch {
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
  const { finalizers, labels } = withFinalizer(annotated, marks.finalizer, change.finalizer ?? held, nanos);
  return {
    metadata: {
      resourceVersion,
      ...(change.expected === undefined ? {} : { annotations }),
      ...(change.finalizer === undefined ? {} : { finalizers }),
      ...(isEmpty(labels) ? {} : { labels }),
    },
  };
}
