// The worked examples of the specification, and what one pass owes its Pods besides.

import { SKIP_RULES_ANNOTATION, stageLabel } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import {
  afterPass,
  aPod,
  aRule,
  detailOf,
  EVERYTHING_EVALUATED,
  maxUnavailable,
  minAvailable,
  passedIn,
  reasonIn,
  rejectedIn,
  requiresLabel,
  UNANSWERED,
  waitingPods,
} from '../test/samples.ts';

const byName = (...pods: ReturnType<typeof waitingPods>) => pods;
const down = (name: string) => aPod({ name, available: false, preCheck: { op: '1' } });
const waiting = (name: string) => aPod({ name, preCheck: { op: '5' } });

describe('worked examples', () => {
  test('example 1: with 50% of four Pods and two down, lets only those two pass, and later another one that fails', () => {
    const rule = afterPass(aRule([maxUnavailable('50%')]), [down('p1'), down('p2'), waiting('p3'), waiting('p4')]);
    expect(passedIn(rule)).toEqual(['p1', 'p2']);
    expect(reasonIn(rule, 'p3')).toBe('rule max: blocked by max unavailable 2/4, currently unavailable 2/4');
    const later = afterPass(rule, [down('p1'), down('p2'), down('p3'), waiting('p4')]);
    expect(passedIn(later)).toEqual(['p1', 'p2', 'p3']);
    expect(reasonIn(later, 'p4')).toContain('currently unavailable 3/4');
  });

  test('example 2: with 30% of five Pods, lets two pass, and a third when one of them serves again', () => {
    const pods = waitingPods(5);
    const first = afterPass(aRule([maxUnavailable('30%')]), pods);
    expect(passedIn(first)).toEqual(['p1', 'p2']);
    expect(passedIn(afterPass(first, pods))).toEqual(['p1', 'p2']);
    const served = byName(aPod({ name: 'p1' }), ...pods.slice(1));
    expect(passedIn(afterPass(first, served))).toEqual(['p2', 'p3']);
  });

  test('example 3: with at least 75% of ten Pods available, lets three pass', () => {
    const rule = afterPass(aRule([minAvailable('75%')]), waitingPods(10));
    expect(passedIn(rule)).toHaveLength(3);
    expect(reasonIn(rule, rejectedIn(rule)[0] ?? '')).toContain('blocked by min available 7/10');
  });

  test('example 4: with both limits set, the stricter one decides', () => {
    const both = { name: 'both', availablePolicy: { maxUnavailableValue: 5, minAvailableValue: 8 } };
    expect(passedIn(afterPass(aRule([both]), waitingPods(10)))).toHaveLength(2);
  });

  test('with only an adaptive budget, the square root of nine lets three pass', () => {
    const rule = { name: 'r', availablePolicy: { maxUnavailablePolicy: { expFunc: { coeff: '1', pow: '0.5' } } } };
    expect(passedIn(afterPass(aRule([rule]), waitingPods(9)))).toEqual(['p1', 'p2', 'p3']);
  });

  test('example 5: with a budget of 0, lets only Pods pass that are down already', () => {
    const rule = afterPass(aRule([maxUnavailable(0)]), [waiting('p1'), waiting('p2'), down('p3')]);
    expect(passedIn(rule)).toEqual(['p3']);
  });

  test('example 6: 1% of one Pod is one Pod, 0% is none', () => {
    expect(passedIn(afterPass(aRule([maxUnavailable('1%')]), waitingPods(1)))).toEqual(['p1']);
    expect(passedIn(afterPass(aRule([maxUnavailable('0%')]), waitingPods(1)))).toEqual([]);
  });

  test('example 7: Pods that never serve use up the budget', () => {
    const never = ['u1', 'u2'].map((name) => aPod({ name, available: false }));
    expect(passedIn(afterPass(aRule([maxUnavailable(2)]), [...waitingPods(4), ...never]))).toEqual([]);
  });

  test('example 8: gives a slot to the Pod that can use it, not to the first one (H3)', () => {
    const ready = aPod({ name: 'p3', preCheck: { op: '9' }, labels: { ready: 'true' } });
    const rule = aRule([maxUnavailable(1), requiresLabel('ready')]);
    const judged = afterPass(rule, [waiting('p1'), waiting('p2'), ready]);
    expect(passedIn(judged)).toEqual(['p3']);
    expect(detailOf(judged, 'p1')).toMatchObject({ passed: false, rejectInfo: [{ ruleName: 'labels' }] });
    expect(detailOf(judged, 'p1')?.passedRules).toBeUndefined();
  });

  test('example 11: with two rule objects over the same Pods, the second gives its slot to the Pod that has a slot of the first (H4)', () => {
    const a = aRule([maxUnavailable(1)], { name: 'a' });
    const b = aRule([maxUnavailable(1)], { name: 'b' });
    const pods = [aPod({ name: 'p1', preCheck: { op: '20' } }), aPod({ name: 'p2', preCheck: { op: '10' } })];
    const early = afterPass(b, pods.toReversed(), { rules: [a, b] });
    expect(passedIn(early)).toEqual([]);
    expect(reasonIn(early, 'p2')).toContain('its slot is kept until PodTransitionRule a has given one');
    expect(reasonIn(early, 'p1')).toContain('currently unavailable 1/2');
    const first = afterPass(a, pods, { rules: [a, early] });
    expect(passedIn(first)).toEqual(['p2']);
    expect(passedIn(afterPass(early, pods, { rules: [first, early] }))).toEqual(['p2']);
  });

  test('gives no slot to a Pod that another rule object refuses (H4)', () => {
    const budget = aRule([maxUnavailable(1)], { name: 'a' });
    const check = aRule([requiresLabel('ready')], { name: 'b' });
    const pods = [waiting('p1'), aPod({ name: 'p2', preCheck: { op: '9' }, labels: { ready: 'true' } })];
    const judged = afterPass(budget, pods, { rules: [budget, check] });
    expect(passedIn(judged)).toEqual(['p2']);
    expect(reasonIn(judged, 'p1')).toMatch(/^rule b\/labels: labels of .*; no slot of rule max meanwhile$/);
  });

  test('example 12: a Pod with the annotation skips the rule, but the rule still counts it', () => {
    const skipping = aPod({
      name: 'p1',
      preCheck: { op: '1' },
      annotations: { [SKIP_RULES_ANNOTATION]: '{"skipRules":["max"]}' },
    });
    const rule = afterPass(aRule([maxUnavailable(0)]), [skipping, waiting('p2')]);
    expect(passedIn(rule)).toEqual(['p1']);
    expect(detailOf(rule, 'p1')?.passedRules).toBeUndefined();
    expect(reasonIn(rule, 'p2')).toContain('0/2');
  });
});

describe('a verdict', () => {
  const rule = aRule([maxUnavailable(1)]);

  test('names the Pod and the operations it applies to (D7)', () => {
    const judged = afterPass(rule, waitingPods(1));
    expect(judged.status).toEqual({
      observedGeneration: 1,
      observedPodResourceVersion: '1',
      targets: ['p1'],
      details: [
        {
          name: 'p1',
          uid: 'uid-p1',
          stage: 'PreCheck',
          passed: true,
          passedRules: ['max'],
          operations: [{ id: 'op', since: '1000' }],
        },
      ],
      selectedPods: 1,
      waitingPods: 0,
      slots: '1/1',
      conditions: [expect.objectContaining({ type: 'Effective', status: 'True', reason: 'RulesApply' })],
    });
  });

  test('applies to a further operation on the same Pod without another slot (H5)', () => {
    const first = afterPass(rule, [waiting('p1'), waiting('p2')]);
    const both = [aPod({ name: 'p1', preCheck: { op: '5', restart: '7' } }), waiting('p2')];
    const judged = afterPass(first, both);
    expect(passedIn(judged)).toEqual(['p1']);
    expect(detailOf(judged, 'p1')?.operations).toEqual([
      { id: 'op', since: '5' },
      { id: 'restart', since: '7' },
    ]);
  });

  test.each([
    { name: 'another run of the operation', pod: aPod({ name: 'p1', preCheck: { op: '99' } }) },
    { name: 'another Pod of the same name', pod: aPod({ name: 'p1', uid: 'other', preCheck: { op: '99' } }) },
  ])('does not apply to $name (H5, D7)', ({ pod }) => {
    const first = afterPass(rule, [aPod({ name: 'p1', preCheck: { op: '1' } }), waiting('p2')]);
    expect(passedIn(first)).toEqual(['p1']);
    expect(passedIn(afterPass(first, [pod, waiting('p2')]))).toEqual(['p2']);
  });

  test('stays as long as the Pod does, even if the budget shrinks', () => {
    const first = afterPass(aRule([maxUnavailable(2)]), waitingPods(3));
    const shrunk = { ...first, spec: { ...first.spec, rules: [maxUnavailable(0)] } };
    expect(passedIn(afterPass(shrunk, waitingPods(3)))).toEqual(['p1', 'p2']);
  });

  test('keeps its slot when a label check later refuses, because the coordinator may have acted on the pass', () => {
    const checked = aRule([maxUnavailable(1), requiresLabel('ready')]);
    const ready = (name: string, since: string, value: string) =>
      aPod({ name, preCheck: { op: since }, labels: { ready: value } });
    const first = afterPass(checked, [ready('p1', '1', 'true'), ready('p2', '2', 'true')]);
    const doubted = afterPass(first, [ready('p1', '1', 'false'), ready('p2', '2', 'true')]);
    expect(passedIn(doubted)).toEqual([]);
    expect(detailOf(doubted, 'p1')?.passedRules).toEqual(['max']);
    expect(passedIn(afterPass(doubted, [ready('p1', '1', 'true'), ready('p2', '2', 'true')]))).toEqual(['p1']);
  });

  test('for an older spec is kept only if it was a pass, because a rule name may now mean another rule', () => {
    const renamed = aRule([maxUnavailable(1, { name: 'x' })], { metadata: { ...rule.metadata, generation: 2 } });
    const detail = { stage: 'PreCheck', passed: false, passedRules: ['x'], operations: [{ id: 'op', since: '5' }] };
    const old = {
      ...renamed,
      status: {
        observedGeneration: 1,
        details: ['p1', 'p2'].map((name) => ({ ...detail, name, uid: `uid-${name}` })),
      },
    };
    expect(passedIn(afterPass(old, [waiting('p1'), waiting('p2')]))).toEqual(['p1']);
  });

  test('is given for the earliest stage that the Pod is in', () => {
    const pod = aPod({ name: 'p1', available: false, preCheck: { b: '2' }, postCheck: { a: '1' } });
    expect(detailOf(afterPass(rule, [pod]), 'p1')).toMatchObject({
      stage: 'PreCheck',
      operations: [{ id: 'b', since: '2' }],
    });
  });

  test('is not given to a Pod outside every stage, but the Pod is a target', () => {
    const passedOn = { [stageLabel('pre-checked', 'op')]: '1', [stageLabel('post-checked', 'op')]: '1' };
    const judged = afterPass(rule, [aPod({ name: 'p1', labels: passedOn }), aPod({ name: 'p0' })]);
    expect(judged.status).toMatchObject({ targets: ['p0', 'p1'], details: [] });
  });

  test('has a place in the list that does not depend on the order of the cache', () => {
    const pods = waitingPods(12);
    expect(afterPass(rule, pods.toReversed()).status).toEqual(afterPass(rule, pods).status);
  });
});

describe('which rules decide', () => {
  test('every Pod in a stage passes if there are no rules', () => {
    expect(passedIn(afterPass(aRule([]), waitingPods(3)))).toEqual(['p1', 'p2', 'p3']);
  });

  test('a disabled rule, a rule of another stage and a rule of a skipped kind do not decide', () => {
    const others = [
      maxUnavailable(0, { name: 'off', disabled: true }),
      maxUnavailable(0, { name: 'later', stage: 'PostCheck' }),
      requiresLabel('ready'),
    ];
    const settings = { ...EVERYTHING_EVALUATED, skippedKinds: new Set(['labelCheck'] as const) };
    expect(passedIn(afterPass(aRule(others), waitingPods(2), { settings }))).toEqual(['p1', 'p2']);
    expect(passedIn(afterPass(aRule([requiresLabel('ready')]), waitingPods(2)))).toEqual([]);
  });

  test('a PostCheck rule decides about Pods in PostCheck', () => {
    const rule = aRule([requiresLabel('ready', { stage: 'PostCheck' })]);
    const pods = [aPod({ name: 'p1', preCheck: { op: '1' } }), aPod({ name: 'p2', postCheck: { op: '1' } })];
    const judged = afterPass(rule, pods);
    expect(passedIn(judged)).toEqual(['p1']);
    expect(detailOf(judged, 'p2')).toMatchObject({ stage: 'PostCheck', passed: false });
  });

  test('a rule with unregistered conditions does not apply, one with true conditions does', () => {
    const rule = aRule([maxUnavailable(0, { conditions: ['Canary'] })]);
    expect(passedIn(afterPass(rule, waitingPods(1)))).toEqual(['p1']);
    const settings = { ...EVERYTHING_EVALUATED, conditions: new Map([['Canary', () => true]]) };
    expect(passedIn(afterPass(rule, waitingPods(1), { settings }))).toEqual([]);
  });

  test('a filter excludes Pods, but the budget counts all Pods', () => {
    const rule = aRule([maxUnavailable('50%', { filter: { labelSelector: { matchLabels: { tier: 'a' } } } })]);
    const tier = (name: string, value: string) => aPod({ name, preCheck: { op: '1' }, labels: { tier: value } });
    // b1 and b2 go down without asking, which is all that half of four allows.
    const judged = afterPass(rule, [tier('a1', 'a'), tier('a2', 'a'), tier('b1', 'b'), tier('b2', 'b')]);
    expect(passedIn(judged)).toEqual(['b1', 'b2']);
  });

  test('a Pod under two budgets gets a slot of both or of neither', () => {
    const strict = maxUnavailable(1, { name: 'strict', filter: { labelSelector: { matchLabels: { tier: 'a' } } } });
    const rule = aRule([maxUnavailable(2), strict]);
    const tier = (name: string, since: string, value: string) =>
      aPod({ name, preCheck: { op: since }, labels: { tier: value } });
    const judged = afterPass(rule, [tier('a1', '1', 'a'), tier('a2', '2', 'a'), tier('b1', '3', 'b')]);
    expect(passedIn(judged)).toEqual(['a1', 'b1']);
    expect(detailOf(judged, 'a2')?.passedRules).toBeUndefined();
  });

  test.each([
    {
      name: 'a webhook without a URL',
      rule: { name: 'r', webhook: { clientConfig: { url: 'approver' } } },
      reason: 'webhook.clientConfig.url "approver" is not an http or https URL',
    },
    {
      name: 'a text that is no certificate',
      rule: { name: 'r', webhook: { clientConfig: { url: 'https://a.b', caBundle: 'LS0t' } } },
      reason: 'webhook.clientConfig.caBundle holds no PEM certificate',
    },
    {
      name: 'a certificate in base64 that was cut',
      rule: { name: 'r', webhook: { clientConfig: { url: 'https://a.b', caBundle: 'LS0' } } },
      reason: 'webhook.clientConfig.caBundle is not base64',
    },
    {
      name: 'a parameter without a value',
      rule: { name: 'r', webhook: { clientConfig: { url: 'https://a.b' }, parameters: [{ key: 'ip' }] } },
      reason: 'webhook parameter "ip" has neither a value nor a fieldRef',
    },
    {
      name: 'a parameter with a path that cannot be read',
      rule: {
        name: 'r',
        webhook: {
          clientConfig: { url: 'https://a.b' },
          parameters: [{ key: 'ip', valueFrom: { fieldRef: { fieldPath: 'status.podIPs[0]' } } }],
        },
      },
      reason: 'webhook parameter "ip": fieldPath "status.podIPs[0]" cannot be read',
    },
    { name: 'an unreadable percentage', rule: maxUnavailable('12.5%'), reason: '"12.5%" is neither' },
    {
      name: 'a malformed filter',
      rule: maxUnavailable(1, {
        filter: { labelSelector: { matchExpressions: [{ key: 'a', operator: 'Near' as 'In' }] } },
      }),
      reason: 'unknown operator "Near"',
    },
    {
      name: 'a malformed label check',
      rule: { name: 'r', labelCheck: { requires: { matchExpressions: [{ key: 'a', operator: 'Near' as 'In' }] } } },
      reason: 'unknown operator "Near"',
    },
  ])('$name rejects its Pods and gives the reason (H7)', ({ rule, reason }) => {
    const judged = afterPass(aRule([rule]), waitingPods(2));
    expect(passedIn(judged)).toEqual([]);
    expect(reasonIn(judged, 'p1')).toContain(reason);
  });

  test('two rules of the same name reject, because a pass of one would count as a slot of the other', () => {
    const judged = afterPass(
      aRule([maxUnavailable(1, { name: 'r' }), { name: 'r', labelCheck: { requires: {} } }]),
      waitingPods(3),
    );
    expect(reasonIn(judged, 'p1')).toContain('used by several rules');
    expect(passedIn(judged)).toEqual([]);
  });

  test('a skip annotation that is not JSON skips no rule', () => {
    const pod = aPod({ name: 'p1', preCheck: { op: '1' }, annotations: { [SKIP_RULES_ANNOTATION]: 'max' } });
    expect(passedIn(afterPass(aRule([maxUnavailable(0)]), [pod]))).toEqual([]);
  });

  test('only Pods that the selector matches get a verdict', () => {
    const judged = afterPass(aRule([maxUnavailable(5)]), [
      ...waitingPods(1),
      aPod({ name: 'x', labels: { app: 'other' } }),
    ]);
    expect(judged.status?.targets).toEqual(['p1']);
  });
});

test('an evaluation reads each Pod a constant number of times, however many wait', () => {
  const reads = (count: number) => {
    let touched = 0;
    const pods = waitingPods(count).map((pod) => {
      const metadata = new Proxy(pod.metadata, {
        get(target, key, receiver) {
          touched += 1;
          return Reflect.get(target, key, receiver);
        },
      });
      return { ...pod, metadata };
    });
    const square = { expFunc: { coeff: '1', pow: '0.5' } };
    const ask = { name: 'ask', webhook: { clientConfig: { url: 'http://approver' } } };
    const rule = aRule([
      maxUnavailable('10%'),
      { name: 'square', availablePolicy: { maxUnavailablePolicy: square } },
      requiresLabel('app', { labelCheck: { requires: {} } }),
      ask,
    ]);
    const other = aRule([maxUnavailable('20%')], { name: 'z-other' });
    const answered = { state: 'answered' as const, atMs: 0, answer: { success: true } };
    const webhooks = {
      ...UNANSWERED,
      outcomesFor: () => ({ asked: () => ({ running: false, last: answered }), polled: () => undefined }),
    };
    const first = afterPass(rule, pods, { rules: [rule, other] });
    touched = 0;
    const judged = afterPass(first, pods, { rules: [rule, other], webhooks });
    expect(passedIn(judged).length).toBe(Math.ceil(Math.sqrt(count)));
    return touched;
  };
  const [few, many] = [reads(500), reads(1000)];
  // Sorting by name reads each name log n times; all else is constant.
  expect(many / few).toBeLessThan(2.3);
  expect(many / 1000).toBeLessThan(160);
});
