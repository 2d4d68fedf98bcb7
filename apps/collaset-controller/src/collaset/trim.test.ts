import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  LAST_POD_STATUS_ANNOTATION,
  type Pod,
  RETAINED_BY_ANNOTATION,
  RULE_DETAIL_ANNOTATION_PREFIX,
  stageLabel,
} from '@kuperator/api';
import { holdOf, PROGRESSING, textOf } from '@kuperator/holders';
import { expect, test } from 'vitest';
import { aMember, permitted } from '../test/builders.ts';
import { REFUSED_UPDATE_ANNOTATION } from './plan/refusal.ts';
import { REPLACE_BY_UPDATE_ANNOTATION } from './plan/replace.ts';
import { trimClaim, trimPod } from './trim.ts';

const NOW = Date.UTC(2026, 0, 1);
const unready = { type: 'Ready', status: 'False' as const };
const container = (state: object) => ({
  name: 'app',
  image: 'app:v1',
  imageID: 'sha256:1',
  ready: false,
  restartCount: 3,
  state: { ...state },
});
const changed = (status: Pod['status'], annotations = {}): Pod =>
  aMember({
    id: 0,
    ready: false,
    stages: permitted('update'),
    annotations: { [LAST_POD_STATUS_ANNOTATION]: '{}', ...annotations },
    given: {
      spec: {
        containers: [{ name: 'app', image: 'app:typo' }],
        initContainers: [{ name: 'init', image: 'init:typo' }],
      },
      status: { conditions: [unready], ...status },
    },
  });

test.each<{ name: string; pod: Pod; text: RegExp }>([
  {
    name: 'an image that cannot be pulled',
    pod: changed({ containerStatuses: [container({ waiting: { reason: 'ErrImagePull', message: 'no' } })] }),
    text: /cannot pull app:typo/,
  },
  {
    name: 'that of an init container',
    pod: changed({
      initContainerStatuses: [{ ...container({ waiting: { reason: 'ErrImagePull' } }), name: 'init' }],
    }),
    text: /cannot pull init:typo/,
  },
  {
    name: 'a resize without room',
    pod: changed({
      conditions: [unready, { type: 'PodResizePending', status: 'True', reason: 'Deferred', message: 'no cpu' }],
    }),
    text: /Deferred: no cpu/,
  },
  {
    name: 'a Pod that cannot be scheduled',
    pod: changed({ conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] }),
    text: /0\/3 nodes/,
  },
  {
    name: 'what the coordinator noted',
    pod: aMember({
      id: 0,
      labels: { [stageLabel('operating', 'x')]: '1', [stageLabel('operation-type', 'x')]: 'restart' },
      given: {
        status: {
          conditions: [
            { type: PROGRESSING, status: 'True', message: 'x: no verdict from the podtransitionrule-engine' },
          ],
        },
      },
    }),
    text: /no verdict/,
  },
])('keeps the fields that say what a Pod waits for: $name', ({ pod, text }) => {
  const said = (each: Pod) => {
    const hold = holdOf(each, { nowMs: NOW });
    return hold && textOf(hold.holder);
  };
  expect(said(pod)).toMatch(text);
  expect(said(trimPod(pod))).toBe(said(pod));
});

test('keeps only the annotations of a Pod that decisions read', () => {
  const read = Object.fromEntries(
    [
      AVAILABLE_CONDITIONS_ANNOTATION,
      LAST_POD_STATUS_ANNOTATION,
      REFUSED_UPDATE_ANNOTATION,
      REPLACE_BY_UPDATE_ANNOTATION,
      `${RULE_DETAIL_ANNOTATION_PREFIX}rule`,
    ].map((key) => [key, '{}']),
  );
  const pod = aMember({ id: 0, annotations: { ...read, 'example.com/large': 'x'.repeat(200_000) } });
  expect(trimPod(pod).metadata.annotations).toEqual(read);
  expect(JSON.stringify(trimPod(pod)).length).toBeLessThan(10_000);
});

test('keeps the annotation of a claim that names the set which retained it', () => {
  const annotations = { [RETAINED_BY_ANNOTATION]: 'web', 'example.com/large': 'x'.repeat(200_000) };
  const claim = { metadata: { name: 'a', annotations }, spec: {} };
  expect(trimClaim(claim).metadata.annotations).toEqual({ [RETAINED_BY_ANNOTATION]: 'web' });
});
