import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod, permissionLabel, stageLabel } from '@kuperator/api';
import { answerFor, aPod, INHERITED_NAMES, plainNameLike } from '@kuperator/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectedFinalizersOf, missingFinalizers, withExpectedFinalizer } from './expected-finalizers.ts';
import { applyLabels, diffLabels } from './label-changes.ts';
import { brokenLabelRules } from './label-rules.ts';
import {
  beginOperation,
  cancelOperation,
  finishOperation,
  hasOperation,
  isPermitted,
  operationsOf,
  permittedSince,
} from './operation.ts';
import { podStateOf } from './pod-state.ts';
import { settle } from './settle.ts';

const STAGES = ['operating', 'operation-type', 'pre-check', 'pre-checked', 'preparing', 'operate', 'operated'] as const;
const subsets = fc.subarray([...STAGES]);

/** A Pod in any stages of an operation `id` of type `type`, with a label and an announced employer of the same name. */
function podWith(stages: readonly (typeof STAGES)[number][], name: string): Pod {
  const labels = stages.map((stage) => [stageLabel(stage, name), stage === 'operation-type' ? name : '1']);
  const conditions = JSON.stringify({ expectedFinalizers: { [name]: 'prot.podopslifecycle.kusionstack.io/a' } });
  return aPod({
    metadata: {
      name: 'a',
      uid: 'a',
      labels: { ...Object.fromEntries(labels), [permissionLabel(name)]: '1', [name]: 'label' },
      annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: conditions },
    },
  });
}

test.each(INHERITED_NAMES)('an operation, a label and an employer named %s are as any others', (name) => {
  fc.assert(
    fc.property(subsets, (stages) => {
      const answers = (id: string): unknown => {
        const pod = podWith(stages, id);
        const other = podWith(stages, 'another');
        const state = podStateOf(pod);
        return [
          operationsOf(pod),
          operationsOf(other),
          hasOperation(other, id, id),
          hasOperation(pod, id, id),
          isPermitted(pod, id, id),
          permittedSince(pod, id),
          permittedSince(other, id),
          beginOperation(pod, { id, type: id, nanos: '2' }),
          beginOperation(other, { id, type: id, nanos: '2' }),
          finishOperation(pod, { id, nanos: '2' }),
          cancelOperation(pod, { id, nanos: '2' }),
          settle(state, '2'),
          settle(state, '2', { passes: () => true }),
          brokenLabelRules(pod.metadata.labels ?? {}),
          diffLabels(pod.metadata.labels ?? {}, other.metadata.labels ?? {}),
          diffLabels(other.metadata.labels ?? {}, pod.metadata.labels ?? {}),
          applyLabels(other.metadata.labels ?? {}, { [id]: '2' }),
          expectedFinalizersOf(pod),
          missingFinalizers(expectedFinalizersOf(pod), []),
          withExpectedFinalizer(
            aPod({ metadata: { name: 'b', uid: 'b' } }),
            id,
            'prot.podopslifecycle.kusionstack.io/a',
          ),
          withExpectedFinalizer(pod, id, null),
        ];
      };
      expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
    }),
    { numRuns: 60 },
  );
});
