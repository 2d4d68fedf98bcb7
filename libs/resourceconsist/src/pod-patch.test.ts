import { AVAILABLE_CONDITIONS_ANNOTATION, type Pod, SERVICE_AVAILABLE_LABEL, stageLabel } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { annotationPatchFor, podPatchFor } from './pod-patch.ts';
import { aPod } from './test/objects.ts';

const finalizer = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const marks = { expectedKey: 'Service/default/nginx', finalizer };
const expected = { [marks.expectedKey]: finalizer };
const preparing = {
  [stageLabel('operating', 'collaset')]: '1',
  [stageLabel('operation-type', 'collaset')]: 'update',
  [stageLabel('pre-checked', 'collaset')]: '1',
  [stageLabel('preparing', 'collaset')]: '1',
  'operation-permission.podopslifecycle.kusionstack.io/update': '1',
};

test('announcing keeps the keys of other employers and unknown fields (T88)', () => {
  const pod = aPod({ ready: false, expected: '{"other":1,"expectedFinalizers":{"Service/default/b":"x"}}' });
  const patch = podPatchFor(pod, { marks, change: { expected: true }, nanos: '9' });
  expect(patch.metadata.resourceVersion).toBe('1');
  expect(patch.metadata.finalizers).toBeUndefined();
  expect(JSON.parse(patch.metadata.annotations?.[AVAILABLE_CONDITIONS_ANNOTATION] ?? '')).toEqual({
    other: 1,
    expectedFinalizers: { 'Service/default/b': 'x', ...expected },
  });
});

test('an annotation that cannot be parsed is not overwritten', () => {
  const pod = aPod({ expected: 'not json' });
  expect(() => podPatchFor(pod, { marks, change: { expected: true }, nanos: '9' })).toThrow('not a JSON object');
});

test('the removal of the last finalizer grants operate in the same write', () => {
  const pod = aPod({ ready: false, labels: preparing, finalizers: [finalizer], expected });
  expect(podPatchFor(pod, { marks, change: { finalizer: false }, nanos: '9' })).toEqual({
    metadata: {
      resourceVersion: '1',
      finalizers: [],
      labels: { [stageLabel('preparing', 'collaset')]: null, [stageLabel('operate', 'collaset')]: '9' },
    },
  });
});

test('the removal of another finalizer grants nothing', () => {
  const other = 'prot.podopslifecycle.kusionstack.io/other';
  const pod = aPod({ ready: false, labels: preparing, finalizers: ['keep', finalizer, other], expected });
  expect(podPatchFor(pod, { marks, change: { finalizer: false }, nanos: '9' })).toEqual({
    metadata: { resourceVersion: '1', finalizers: ['keep', other] },
  });
});

test('the addition of the last finalizer ends the operation and makes the Pod service-available in the same write', () => {
  const labels = {
    [stageLabel('operated', 'collaset')]: '1',
    [stageLabel('done-operation-type', 'collaset')]: 'update',
    [stageLabel('post-checked', 'collaset')]: '1',
    [stageLabel('completing', 'collaset')]: '1',
  };
  const patch = podPatchFor(aPod({ labels, expected }), { marks, change: { finalizer: true }, nanos: '9' });
  expect(patch.metadata.finalizers).toEqual([finalizer]);
  expect(patch.metadata.labels).toEqual({
    ...Object.fromEntries(Object.keys(labels).map((label) => [label, null])),
    [SERVICE_AVAILABLE_LABEL]: '9',
  });
});

test('the removal of the key that the Pod waited for makes it available in the same write (D5)', () => {
  const patch = podPatchFor(aPod({ expected }), { marks, change: { expected: false }, nanos: '9' });
  expect(patch.metadata).toEqual({
    resourceVersion: '1',
    annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: '{}' },
    labels: { [SERVICE_AVAILABLE_LABEL]: '9' },
  });
});

describe('a change of the annotation alone', () => {
  const path = '/metadata/annotations/pod.kusionstack.io~1available-conditions';
  const uid = { op: 'test', path: '/metadata/uid', value: 'uid-a' };
  const text = JSON.stringify({ expectedFinalizers: expected });
  const announcing = (pod: Pod) =>
    annotationPatchFor(podPatchFor(pod, { marks, change: { expected: true }, nanos: '9' }), pod);

  test('applies to the Pod as long as the annotation is unchanged, whatever the version of the Pod', () => {
    const pod = aPod({ ready: false, expected: '{}' });
    const changes = [
      { op: 'test', path, value: '{}' },
      { op: 'add', path, value: text },
    ];
    expect(announcing(pod)).toEqual({ type: 'json', body: [uid, ...changes] });
  });

  test.each([
    { name: 'no annotation', annotations: undefined, tested: '/metadata/annotations' },
    { name: 'others', annotations: {}, tested: path },
  ])('applies as long as the annotation is missing, on a Pod with $name', ({ annotations, tested }) => {
    const { metadata, ...rest } = aPod({ ready: false });
    const patch = announcing({ ...rest, metadata: { ...metadata, ...(annotations && { annotations }) } });
    expect(patch?.body).toMatchObject([uid, { op: 'test', path: tested, value: null }, { op: 'add', path: tested }]);
  });

  test.each([
    { name: 'a label changes as well', pod: aPod({ expected }), change: { expected: false } },
    { name: 'the finalizer is added as well', pod: aPod(), change: { expected: true, finalizer: true } },
  ])('requires the version if $name', ({ pod, change }) => {
    expect(annotationPatchFor(podPatchFor(pod, { marks, change, nanos: '9' }), pod)).toBeUndefined();
  });
});
