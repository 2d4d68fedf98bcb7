import { describe, expect, test } from 'vitest';
import {
  afterPass,
  aPod,
  aRule,
  EVERYTHING_EVALUATED,
  maxUnavailable,
  minAvailable,
  requiresLabel,
  waitingPods,
} from '../test/samples.ts';
import { networksOf } from '../webhook/address.ts';
import { effectOf, findingsIn } from './effect.ts';

const webhook = (url: string, poll?: string) => ({
  name: 'ask',
  webhook: { clientConfig: { url, ...(poll ? { poll: { url: poll } } : {}) } },
});
const messagesOf = (...rules: Parameters<typeof aRule>[0]) =>
  findingsIn(aRule(rules).spec, EVERYTHING_EVALUATED).map(({ reason, message }) => `${reason} ${message}`);

describe('reports what has no effect', () => {
  test.each([
    { name: 'no rules', rules: [], said: 'NoRules there are no rules: every Pod passes' },
    {
      name: 'only disabled rules',
      rules: [maxUnavailable(1, { disabled: true })],
      said: 'NoRules all rules are disabled: every Pod passes',
    },
    {
      name: 'a rule without a policy, stored before it was refused',
      rules: [{ name: 'nothing' }],
      said: 'RuleWithoutEffect rule nothing: has none of availablePolicy, labelCheck, webhook: every Pod passes it',
    },
    {
      name: 'a second policy',
      rules: [{ ...maxUnavailable(1), labelCheck: { requires: {} } }],
      said: 'RuleWithoutEffect rule max: labelCheck is not evaluated, because a rule is of one kind and availablePolicy is set too',
    },
    {
      name: 'conditions that no controller sets',
      rules: [maxUnavailable(1, { conditions: ['Holiday'] })],
      said: 'RuleWithoutEffect rule max: conditions ["Holiday"] are not known, so that it applies to no Pod',
    },
    {
      name: 'a budget that cannot be read',
      rules: [maxUnavailable('a few')],
      said: 'RuleNotEvaluated rule max: availablePolicy maxUnavailableValue "a few" is neither',
    },
  ])('$name', ({ rules, said }) => {
    expect(messagesOf(...rules)).toEqual([expect.stringContaining(said)]);
  });

  test.each([
    'http://127.0.0.1:8080/ask',
    'http://localhost/ask',
    'http://LOCALHOST./ask',
    'https://approver.localhost',
    'http://[::1]:80/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://[fe80::1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0.0.0.0/',
  ])('a webhook at %s', (url) => {
    expect(messagesOf(webhook(url))).toEqual([
      expect.stringMatching(/^RuleWithoutEffect rule ask: webhook\.clientConfig\.url .* is not called: /),
    ]);
  });

  test('a webhook whose poll URL is there', () => {
    expect(messagesOf(webhook('http://approver.ops/', 'http://127.0.0.1/'))[0]).toContain('clientConfig.poll.url');
  });

  test.each([
    'http://approver.ops:8080/ask',
    'https://10.0.0.7/',
    'http://127.0.0.1.example.com/',
  ])('accepts a webhook at %s', (url) => {
    expect(messagesOf(webhook(url))).toEqual([]);
  });

  test('accepts a webhook in a network in which the operator may call', () => {
    const allowedNetworks = networksOf(['127.0.0.0/8']);
    if (!allowedNetworks) throw new Error('no networks');
    const settings = { ...EVERYTHING_EVALUATED, allowedNetworks };
    expect(findingsIn(aRule([webhook('http://127.0.0.1/')]).spec, settings)).toEqual([]);
  });
});

describe('the condition Effective', () => {
  const at = Date.parse('2026-01-01T00:01:00Z');
  const effect = (rule: ReturnType<typeof aRule>, pods: number) =>
    effectOf(rule, { selectedPods: pods, settings: EVERYTHING_EVALUATED, nowMs: at });

  test('is True for rules that decide something', () => {
    expect(effect(aRule([maxUnavailable(1)]), 3)).toEqual({
      type: 'Effective',
      status: 'True',
      reason: 'RulesApply',
      message: '',
      lastTransitionTime: '2026-01-01T00:01:00Z',
      observedGeneration: 1,
    });
  });

  test('reports a selector that selects no Pods, or all Pods', () => {
    const everything = aRule([], { spec: { selector: {}, rules: [maxUnavailable(1)] } });
    expect(effect(aRule([maxUnavailable(1)]), 0)).toMatchObject({ status: 'False', reason: 'SelectsNoPod' });
    expect(effect(everything, 3)).toMatchObject({ status: 'True', message: expect.stringContaining('every Pod') });
  });

  test('keeps the time of its last change', () => {
    const before = { type: 'Effective', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' } as const;
    const rule = aRule([maxUnavailable(1)], { status: { conditions: [before] } });
    expect(effect(rule, 3).lastTransitionTime).toBe('2025-01-01T00:00:00Z');
    expect(effect(rule, 0).lastTransitionTime).toBe('2026-01-01T00:01:00Z');
  });

  test('names every mistake, up to a limit', () => {
    const rules = Array.from({ length: 100 }, (_, index) => ({ name: `nothing-${index}` }));
    const { message = '' } = effect(aRule(rules), 3);
    expect(message).toContain('rule nothing-1: ');
    expect(message.length).toBeLessThanOrEqual(1024);
  });
});

describe('the status columns', () => {
  const columnsOf = (rules: Parameters<typeof aRule>[0], pods: Parameters<typeof afterPass>[1]) => {
    const { selectedPods, waitingPods: waiting, slots } = afterPass(aRule(rules), pods).status ?? {};
    return [selectedPods, waiting, slots];
  };
  const serving = [aPod({ name: 'a' }), aPod({ name: 'b' }), aPod({ name: 'c' }), aPod({ name: 'd' })];

  test.each([
    { name: 'no Pod is down', rules: [maxUnavailable(2)], pods: serving, columns: [4, 0, '0/2'] },
    {
      name: 'a Pod is down although no slot was given',
      rules: [maxUnavailable('50%')],
      pods: [...serving.slice(1), aPod({ name: 'a', available: false })],
      columns: [4, 0, '1/2'],
    },
    { name: 'Pods hold slots', rules: [maxUnavailable(2)], pods: waitingPods(5), columns: [5, 3, '2/2'] },
    {
      name: 'the limit is a minimum of available Pods',
      rules: [minAvailable(3)],
      pods: serving,
      columns: [4, 0, '0/1'],
    },
    {
      name: 'several budgets: the one nearest to its limit',
      rules: [maxUnavailable(3), minAvailable(3)],
      pods: serving,
      columns: [4, 0, '0/1'],
    },
    {
      name: 'more Pods are down than the budget allows',
      rules: [maxUnavailable(0)],
      pods: [aPod({ name: 'a', available: false })],
      columns: [1, 0, '1/0'],
    },
    { name: 'there is no budget', rules: [requiresLabel('ok')], pods: waitingPods(2), columns: [2, 2, undefined] },
  ])('$name', ({ rules, pods, columns }) => {
    expect(columnsOf(rules, pods)).toEqual(columns);
  });
});
