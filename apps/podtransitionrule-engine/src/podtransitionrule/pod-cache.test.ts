import { RULE_DETAIL_ANNOTATION_PREFIX, SKIP_RULES_ANNOTATION } from '@kuperator/api';
import { expect, test } from 'vitest';
import {
  aPod,
  aRule,
  EVERYTHING_EVALUATED,
  maxUnavailable,
  type PodSample,
  UNANSWERED,
  UNKNOWN_OWNERS,
  waitingPods,
} from '../test/samples.ts';
import { evaluate } from './evaluate.ts';
import { isRelevantChange, newlyShown, POD_INDEXES, trimPod } from './pod-cache.ts';
import { isUnavailable } from './population.ts';

const annotations = {
  [SKIP_RULES_ANNOTATION]: '{"skipRules":["max"]}',
  [`${RULE_DETAIL_ANNOTATION_PREFIX}rule`]: '{"stage":"PreCheck","passed":true}',
  note: 'long',
};

test('a trimmed Pod gets the same verdict as the whole Pod', () => {
  const pods = [...waitingPods(3, { owner: 'set' }), aPod({ name: 'p9', preCheck: { op: '1' }, annotations })];
  const judged = (selected: typeof pods) =>
    evaluate({
      rule: aRule([maxUnavailable(1)]),
      selected,
      owners: UNKNOWN_OWNERS,
      settings: EVERYTHING_EVALUATED,
      pods: selected,
      rules: [],
      webhooks: UNANSWERED,
    });
  expect(judged(pods.map(trimPod))).toEqual(judged(pods));
});

test('keeps the annotations with skipped rules and with shown verdicts, and no others', () => {
  expect(trimPod(aPod({ name: 'p1', annotations })).metadata.annotations).toEqual({
    [SKIP_RULES_ANNOTATION]: '{"skipRules":["max"]}',
    [`${RULE_DETAIL_ANNOTATION_PREFIX}rule`]: '',
  });
});

test.each<{ name: string; now: Partial<PodSample> }>([
  { name: 'a stage', now: { preCheck: { op: '1' } } },
  { name: 'its service-available label', now: { available: false } },
  { name: 'Ready', now: { ready: false } },
  { name: 'its phase', now: { phase: 'Failed' } },
  { name: 'its deletion', now: { terminating: true } },
  { name: 'the rules that it skips', now: { annotations: { [SKIP_RULES_ANNOTATION]: '{"skipRules":["max"]}' } } },
  { name: 'its owner', now: { owner: 'set' } },
  { name: 'itself, under the same name', now: { uid: 'other' } },
])('a change of $name causes an evaluation', ({ now }) => {
  const [was, is] = [trimPod(aPod({ name: 'p1' })), trimPod(aPod({ name: 'p1', ...now }))];
  expect(isRelevantChange(was, is)).toBe(true);
});

test('any other change causes no evaluation', () => {
  const shown = { [`${RULE_DETAIL_ANNOTATION_PREFIX}rule`]: '{}' };
  const now = aPod({ name: 'p1', version: 9, annotations: { note: 'x', ...shown } });
  expect(
    isRelevantChange(trimPod(aPod({ name: 'p1' })), trimPod({ ...now, status: { ...now.status, podIP: '10.0.0.9' } })),
  ).toBe(false);
});

test('a verdict that appears on a Pod is checked by its rule object (T71)', () => {
  const shown = (...names: string[]) =>
    trimPod(
      aPod({
        name: 'p1',
        annotations: Object.fromEntries(names.map((name) => [`${RULE_DETAIL_ANNOTATION_PREFIX}${name}`, '{}'])),
      }),
    );
  expect(newlyShown(shown('a'), shown('a', 'b'))).toEqual(['b']);
  expect(newlyShown(undefined, shown('a'))).toEqual(['a']);
  expect(newlyShown(shown('a', 'b'), shown('a'))).toEqual([]);
});

test('is found by namespace and by its controller', () => {
  expect(POD_INDEXES.controller(aPod({ name: 'p1', owner: 'set' }))).toEqual(['uid-set']);
  expect(POD_INDEXES.controller(aPod({ name: 'p1' }))).toEqual([]);
  expect(POD_INDEXES.namespace(aPod({ name: 'p1' }))).toEqual(['shop']);
  expect(isUnavailable(trimPod(aPod({ name: 'p1' })))).toBe(false);
});
