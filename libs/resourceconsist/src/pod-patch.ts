import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod } from '@kuperator/api';
import { isEmpty, type LabelChanges, withExpectedFinalizer, withFinalizer } from '@kuperator/lifecycle';
import type { ObjectChange } from '@kuperator/runtime';
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
 * The one merge patch that makes `change`, with the label changes the lifecycle says follow from it: the last finalizer off
 * grants `operate`, the last one on (or a key gone that held it up) ends the operation.
 * @throws Error when the Pod's expected-finalizers annotation cannot be understood
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
 * The same for a change of the annotation alone, when no label follows: it holds for this Pod as long as the annotation is as we
 * saw it. Scheduler, kubelet and coordinator write a new Pod in the same moments, and the version would make most announcements
 * fail (seen: 1.6 refusals a Pod). Refused with 422 when the annotation has changed.
 * @returns undefined when more than the annotation changes
 */
export function annotationPatchFor({ metadata }: PodPatch, pod: Pod): ObjectChange | undefined {
  const text = metadata.annotations?.[AVAILABLE_CONDITIONS_ANNOTATION];
  if (text === undefined || metadata.finalizers || metadata.labels) return undefined;
  const { uid, annotations } = pod.metadata;
  const test = (path: string, value: unknown) => ({ op: 'test', path, value });
  const add = (path: string, value: unknown) => ({ op: 'add', path, value });
  // Null stands for "is not there"; the map itself must be there before anything can be said of its keys.
  const changes = annotations
    ? [test(ANNOTATION_PATH, annotations[AVAILABLE_CONDITIONS_ANNOTATION] ?? null), add(ANNOTATION_PATH, text)]
    : [test('/metadata/annotations', null), add('/metadata/annotations', { [AVAILABLE_CONDITIONS_ANNOTATION]: text })];
  return { type: 'json', body: [test('/metadata/uid', uid), ...changes] };
}

const ANNOTATION_PATH = `/metadata/annotations/${AVAILABLE_CONDITIONS_ANNOTATION.replaceAll('/', '~1')}`;
