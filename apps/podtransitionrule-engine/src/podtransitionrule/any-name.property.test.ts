import { SKIP_RULES_ANNOTATION, type TransitionRule } from '@kuperator/api';
import { answerFor, INHERITED_NAMES, plainNameLike } from '@kuperator/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterPass, aPod, aRule, maxUnavailable, passedIn, requiresLabel } from '../test/samples.ts';
import { fieldReader } from '../webhook/field-path.ts';
import { resourceFor } from '../webhook/question.ts';

/** The kinds of rules, with `name` wherever a user may choose one. */
const rulesNamed = (name: string): TransitionRule[] => [
  maxUnavailable('50%', { name }),
  requiresLabel(name, { name: 'labels' }),
  { name: 'absent', labelCheck: { requires: { matchExpressions: [{ key: name, operator: 'DoesNotExist' }] } } },
  maxUnavailable(1, { name: 'filtered', filter: { labelSelector: { matchLabels: { [name]: 'true' } } } }),
  maxUnavailable(0, { name: 'conditioned', conditions: [name] }),
];

const pods = fc.array(
  fc.record({
    labelled: fc.boolean(),
    annotated: fc.boolean(),
    skips: fc.boolean(),
    available: fc.boolean(),
    stage: fc.constantFrom('preCheck', 'postCheck', 'none'),
  }),
  { minLength: 1, maxLength: 4 },
);

test.each(INHERITED_NAMES)('rules, labels, operations and Pods named %s behave like all others', (name) => {
  fc.assert(
    fc.property(pods, fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }), fc.boolean(), (samples, chosen, isSelector) => {
      const answers = (chosenName: string): unknown => {
        const world = samples.map(({ labelled, annotated, skips, available, stage }, index) =>
          aPod({
            name: index === 0 ? chosenName : `p${index}`,
            available,
            ...(stage === 'none' ? {} : { [stage]: { [chosenName]: '1' } }),
            labels: labelled ? { [chosenName]: 'true' } : {},
            annotations: {
              ...(annotated ? { [chosenName]: 'text' } : {}),
              ...(skips ? { [SKIP_RULES_ANNOTATION]: JSON.stringify({ skipRules: [chosenName] }) } : {}),
            },
          }),
        );
        const rules = rulesNamed(chosenName).filter((_, index) => chosen.includes(index));
        const selector = isSelector ? { matchLabels: { [chosenName]: 'true' } } : { matchLabels: { app: 'web' } };
        const first = afterPass(aRule(rules, { spec: { selector, rules } }), world);
        return [first.status, afterPass(first, world).status];
      };
      expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
    }),
    { numRuns: 100 },
  );
});

test.each(INHERITED_NAMES)('a rule that requires the label %s refuses Pods without it', (name) => {
  const world = [
    aPod({ name: 'with', preCheck: { op: '1' }, labels: { [name]: 'true' } }),
    aPod({ name: 'without', preCheck: { op: '1' } }),
  ];
  expect(passedIn(afterPass(aRule([requiresLabel(name)]), world))).toEqual(['with']);
});

test.each(
  INHERITED_NAMES,
)('a parameter named %s, and one that reads a field of that name, behave like all others', (name) => {
  const rule: TransitionRule = {
    name,
    webhook: {
      clientConfig: { url: 'http://approver' },
      parameters: [
        { key: name, value: 'text' },
        { key: 'label', valueFrom: { fieldRef: { fieldPath: `metadata.labels['a/${name}']` } } },
        { key: 'none', valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${name}']` } } },
        { key: 'field', valueFrom: { fieldRef: { fieldPath: `status.${name}.${name}` } } },
      ],
    },
  };
  const answers = (chosen: string): unknown => {
    const asked = JSON.parse(JSON.stringify(rule).replaceAll(name, chosen)) as TransitionRule;
    const pod = aPod({ name: chosen, labels: { [`a/${chosen}`]: 'text' } });
    return [resourceFor(pod, asked, 10_000)?.resource, typeof fieldReader(chosen)];
  };
  expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
});
