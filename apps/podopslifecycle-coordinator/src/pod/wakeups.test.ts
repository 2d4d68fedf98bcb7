import { type Pod, type PodTransitionRule, type RuleDetail, stageLabel } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { podsToWake } from './wakeups.ts';

const waiting = (name: string): Pod => ({
  metadata: { name, namespace: 'default', labels: { app: 'web', [stageLabel('operating', 'c')]: '1' } },
  spec: { containers: [] },
});
const idle: Pod = {
  metadata: { name: 'idle', namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [] },
};
const pods = () => [waiting('a'), waiting('b'), idle];

const passed = (name: string): RuleDetail => ({ name, uid: name, stage: 'PreCheck', passed: true, operations: [] });
const refused = (name: string, reason: string): RuleDetail => ({
  ...passed(name),
  passed: false,
  rejectInfo: [{ ruleName: 'slots', reason }],
});
const rule = (details: RuleDetail[], generation = 1, observedGeneration = generation): PodTransitionRule => ({
  metadata: { name: 'r', namespace: 'default', generation },
  spec: { selector: { matchLabels: { app: 'web' } } },
  status: { observedGeneration, details },
});

describe('podsToWake', () => {
  test.each([
    {
      name: 'Pods that have just passed',
      before: rule([passed('a')]),
      after: rule([passed('a'), passed('b')]),
      woken: ['default/b'],
    },
    { name: 'no Pod for a refusal', before: rule([]), after: rule([refused('a', 'full')]), woken: [] },
    {
      name: 'a Pod that reports its holder when the rule refuses it for the first time',
      before: rule([]),
      after: rule([refused('reporting', 'full'), refused('a', 'full')]),
      woken: ['default/reporting'],
    },
    {
      name: 'a Pod that reports its holder when the reason of its refusal changes',
      before: rule([refused('reporting', '3 of 10 are out'), refused('a', '3 of 10 are out')]),
      after: rule([refused('reporting', 'no consent'), refused('a', 'no consent')]),
      woken: ['default/reporting'],
    },
    {
      name: 'no Pod for a change of figures',
      before: rule([refused('reporting', '3/10 are out')]),
      after: rule([refused('reporting', '4/11 are out')]),
      woken: [],
    },
    {
      name: 'all Pods that wait when the rule is first evaluated',
      before: rule([], 2, 1),
      after: rule([], 2),
      woken: ['default/a', 'default/b'],
    },
    {
      name: 'all Pods that wait when the rule is new',
      before: undefined,
      after: rule([]),
      woken: ['default/a', 'default/b'],
    },
    {
      name: 'all Pods that wait when the rule is gone (T68)',
      before: rule([]),
      after: undefined,
      woken: ['default/a', 'default/b'],
    },
  ])('wakes $name', ({ before, after, woken }) => {
    expect(podsToWake({ before, after }, { pods, reportsHolder: (key) => key === 'default/reporting' })).toEqual(woken);
  });

  test('does not list the Pods to find those that have passed', () => {
    let looked = false;
    const pods = () => {
      looked = true;
      return [];
    };
    podsToWake({ before: rule([]), after: rule([passed('a')]) }, { pods, reportsHolder: () => false });
    expect(looked).toBe(false);
  });
});
