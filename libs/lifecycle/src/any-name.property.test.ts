import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod, permissionLabel, stageLabel } from '@kuperator/api';
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

/** What every object inherits: names that users may give to operations, labels and employers. */
const INHERITED_NAMES = Object.getOwnPropertyNames(Object.prototype);

/** What `answer` says about `name`, with the name blanked out: the same for two names where the name does not matter. */
function answerFor(name: string, answer: (name: string) => unknown): string {
  return JSON.stringify(answer(name), (_, value) =>
    typeof value === 'bigint' ? `${value}n` : (value ?? null),
  ).replaceAll(name, '‹name›');
}

function aPod(metadata: Pod['metadata']): Pod {
  return {
    metadata: { name: 'a', namespace: 'default', uid: 'a', ...metadata },
    spec: { containers: [{ name: 'app', image: 'app:v1' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

const STAGES = ['operating', 'operation-type', 'pre-check', 'pre-checked', 'preparing', 'operate', 'operated'] as const;
const subsets = fc.subarray([...STAGES]);

/** A Pod in any stages of an operation `id` of type `type`, with a label and an announced employer of the same name. */
function podWith(stages: readonly (typeof STAGES)[number][], name: string): Pod {
  const labels = stages.map((stage) => [stageLabel(stage, name), stage === 'operation-type' ? name : '1']);
  const conditions = JSON.stringify({ expectedFinalizers: { [name]: 'prot.podopslifecycle.kusionstack.io/a' } });
  return aPod({
    labels: { ...Object.fromEntries(labels), [permissionLabel(name)]: '1', [name]: 'label' },
    annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: conditions },
  });
}

test.each(INHERITED_NAMES)('an operation, a label and an employer named %s behave like all others', (name) => {
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
          withExpectedFinalizer(aPod({}), id, 'prot.podopslifecycle.kusionstack.io/a'),
          withExpectedFinalizer(pod, id, null),
        ];
      };
      expect(answerFor(name, answers)).toBe(answerFor(`${name}x`, answers));
    }),
    { numRuns: 60 },
  );
});
