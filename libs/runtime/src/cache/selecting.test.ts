import { matchesSelector, POD_TRANSITION_RULES } from '@kuperator/api';
import { aPod, aPodTransitionRule, InMemoryCluster } from '@kuperator/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maySelect, SELECTING, selectingKeys } from './selecting.ts';

const indexes = {
  [SELECTING]: (rule: ReturnType<typeof aPodTransitionRule>) => selectingKeys(rule, rule.spec.selector),
};
const labels = fc.dictionary(fc.constantFrom('app', 'tier', 'zone'), fc.constantFrom('a', 'b'), {
  noNullPrototype: true,
});
const expression = fc.record({
  key: fc.constantFrom('app', 'tier'),
  operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
});
const selector = fc.record({ matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 1 }) });

describe('maySelect', () => {
  test('returns every object that selects the Pod once', () => {
    const property = fc.property(labels, fc.array(selector, { maxLength: 6 }), (ofPod, selectors) => {
      const cluster = new InMemoryCluster();
      for (const [at, each] of selectors.entries())
        cluster.add(
          POD_TRANSITION_RULES,
          aPodTransitionRule({ metadata: { name: `r${at}` }, spec: { selector: each } }),
        );
      const rules = cluster.informer(POD_TRANSITION_RULES, { indexes });
      const pod = aPod({ metadata: { labels: ofPod } });
      const found = maySelect(rules, pod).map(({ metadata }) => metadata.name);
      const selecting = selectors.flatMap((each, at) => (matchesSelector(each, pod.metadata.labels) ? [`r${at}`] : []));
      expect(found).toEqual(expect.arrayContaining(selecting));
      expect(new Set(found).size).toBe(found.length);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('returns no object of another namespace, and few that select other Pods', () => {
    const cluster = new InMemoryCluster();
    for (let at = 0; at < 50; at++)
      cluster.add(
        POD_TRANSITION_RULES,
        aPodTransitionRule({ metadata: { name: `r${at}` }, spec: { selector: { matchLabels: { app: `a${at}` } } } }),
      );
    cluster.add(POD_TRANSITION_RULES, aPodTransitionRule({ metadata: { name: 'all' }, spec: { selector: {} } }));
    cluster.add(
      POD_TRANSITION_RULES,
      aPodTransitionRule({ metadata: { name: 'else', namespace: 'else' }, spec: { selector: {} } }),
    );
    const rules = cluster.informer(POD_TRANSITION_RULES, { indexes });
    const found = maySelect(rules, aPod({ metadata: { labels: { app: 'a7' } } }));
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['all', 'r7']);
  });
});
