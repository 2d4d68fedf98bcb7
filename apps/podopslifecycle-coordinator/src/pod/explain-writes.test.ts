// What explanations cost while rules, verdicts and the engine come and go: writes of one waiting Pod, of which there may be thousands.

import {
  conditionOf,
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  stageLabel,
} from '@kuperator/api';
import { PROGRESSING } from '@kuperator/holders';
import { beginOperation, operationsOf } from '@kuperator/lifecycle';
import { createLogger, SELECTING, selectingKeys } from '@kuperator/runtime';
import { aCondition, aPod, aPodTransitionRule, FakeClock, FakeRecorder, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { podReconciler } from './reconcile.ts';

const KEY = 'default/a';
const RULE = 'default/budget';
const FULL = 'rule slots: blocked by max unavailable 1/10, currently unavailable 1/10';
const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };

/** A Pod in PreCheck under a rule object; every change of either has the Pod looked at, which is the most that can happen. */
function waiting() {
  const cluster = new InMemoryCluster();
  const clock = new FakeClock();
  const recorder = new FakeRecorder();
  const pods = cluster.informer(PODS);
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { [SELECTING]: (rule) => selectingKeys(rule, rule.spec.selector) },
  });
  const services = { get: () => undefined, byIndex: () => [] };
  const patience = { graceMs: 10_000, deadlineMs: 600_000 };
  const metrics = { wrote: () => {} };
  const start = () =>
    podReconciler({
      pods,
      rules,
      services,
      sight: { isClear: () => true, blindTo: async () => [] },
      client: cluster.client,
      clock,
      recorder,
      metrics,
      patience,
      seen: new Map(),
      isRunning: () => undefined,
    });
  let reconcile = start();
  const pass = async () => (await reconcile(KEY, context))?.requeueAfterMs;
  const pod = () => cluster.get(PODS, KEY) as Pod;
  const relabel = (labels: Record<string, string | null> = {}) =>
    cluster.change(PODS, KEY, (seen) => ({
      ...seen,
      metadata: { ...seen.metadata, labels: { ...seen.metadata.labels, ...labels } as Record<string, string> },
    }));

  cluster.add(
    PODS,
    aPod({
      metadata: { name: 'a', labels: { [SERVICE_AVAILABLE_LABEL]: '1', app: 'web' } },
      spec: { readinessGates: [{ conditionType: SERVICE_READY_GATE }], nodeName: 'n' },
      status: { conditions: [aCondition('Ready', true), aCondition(SERVICE_READY_GATE, true)] },
    }),
  );
  const spec = {
    selector: { matchLabels: { app: 'web' } },
    rules: [{ name: 'slots', availablePolicy: { maxUnavailableValue: 1 } }],
  };
  cluster.add(POD_TRANSITION_RULES, aPodTransitionRule({ metadata: { name: 'budget' }, spec }));
  relabel(beginOperation(pod(), { id: 'job', type: 'Restart', nanos: clock.nanos() }));

  const world = {
    cluster,
    recorder,
    pod,
    pass,
    said: () => conditionOf(pod(), PROGRESSING),
    /** The time the coordinator wants to be woken after passes, with nothing else happening. */
    async wait(seconds: number) {
      const end = clock.now() + seconds * 1000;
      for (;;) {
        const next = await pass();
        if (next === undefined || clock.now() + next > end) break;
        clock.advance(next);
      }
      clock.advance(end - clock.now());
      await pass();
    },
    async edit() {
      cluster.change(POD_TRANSITION_RULES, RULE, (rule) => ({
        ...rule,
        spec: { ...rule.spec, rules: [...(rule.spec.rules ?? []), { name: 'more', disabled: true }] },
      }));
      await pass();
    },
    async decide(reason: string | undefined) {
      const operations = operationsOf(pod()).map(({ id, since }) => ({ id, since }));
      const rejected = reason === undefined ? {} : { rejectInfo: [{ ruleName: 'slots', reason }] };
      const detail = { name: 'a', uid: pod().metadata.uid ?? '', stage: 'PreCheck', operations };
      cluster.change(POD_TRANSITION_RULES, RULE, (rule: PodTransitionRule) => ({
        ...rule,
        status: {
          observedGeneration: rule.metadata.generation ?? 0,
          details: [{ ...detail, passed: reason === undefined, ...rejected }],
        },
      }));
      await pass();
    },
    async beginAgain() {
      clock.advance(1);
      relabel({ [stageLabel('pre-check', 'job')]: clock.nanos() });
      await pass();
    },
    restart() {
      reconcile = start();
    },
    /** Held by the rule for so long that the Pod says so. */
    async untilRefusalIsTold() {
      await pass();
      await world.decide(FULL);
      await world.wait(30);
      expect(world.said()?.reason).toBe('WaitingForRules');
      expect(cluster.writes).toHaveLength(1);
      cluster.writes.length = 0;
      recorder.events.length = 0;
    },
  };
  return world;
}

describe('a Pod that has said which rule refuses it', () => {
  test('is not written when the rule is edited and refuses it as before', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.edit();
    await world.wait(1);
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toEqual([]);
    expect(world.recorder.events).toEqual([]);
  });

  test('is not written when the rule is edited again before, or soon after, it was evaluated', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.edit();
    await world.wait(4);
    await world.edit();
    await world.wait(4);
    await world.decide(FULL);
    await world.edit();
    await world.wait(8);
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toEqual([]);
  });

  test('is written once, with one Event, when the edit changes the reason', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.edit();
    await world.wait(1);
    await world.decide('labels of default/a do not match consent=yes');
    await world.wait(60);
    expect(world.cluster.writes).toHaveLength(1);
    expect(world.recorder.events).toMatchObject([{ reason: 'WaitingForRules' }]);
    expect(world.said()?.message).toContain('do not match consent=yes');
  });

  test('is written once, by what lets it go on, when the edit lets it pass', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.edit();
    await world.wait(1);
    await world.decide(undefined);
    expect(world.cluster.writes).toHaveLength(1);
    expect(operationsOf(world.pod())).toMatchObject([{ stage: 'Operate' }]);
    expect(world.said()).toBeUndefined();
  });

  test('is written once, by what lets it go on, when the rule is deleted', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    world.cluster.remove(POD_TRANSITION_RULES, RULE);
    await world.pass();
    expect(world.cluster.writes).toHaveLength(1);
    expect(operationsOf(world.pod())).toMatchObject([{ stage: 'Operate' }]);
  });

  test('names the engine once it has been silent for the grace time, in the stage since the same time', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    const [before, since] = [world.said(), / in PreCheck since .*/.exec(world.said()?.message ?? '')?.[0]];
    await world.edit();
    await world.wait(9);
    expect(world.cluster.writes).toEqual([]);
    await world.wait(1);
    await world.wait(60);
    expect(world.cluster.writes).toHaveLength(1);
    expect(world.said()?.reason).toBe('WaitingForEngine');
    expect(world.said()?.message).toContain(since);
    expect(world.said()?.lastTransitionTime).toBe(before?.lastTransitionTime);
    // And back, once.
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toHaveLength(2);
    expect(world.said()).toEqual(before);
  });

  test('is not written when its operation asks anew and is refused again', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    world.cluster.change(PODS, KEY, (pod) => {
      const key = stageLabel('pre-check', 'job');
      const younger = `${BigInt(pod.metadata.labels?.[key] ?? '') + 1n}`;
      return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [key]: younger } } };
    });
    await world.pass();
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toEqual([]);
  });

  test('is written once for an operation that is begun again, with the time it began', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.beginAgain();
    await world.wait(1);
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toHaveLength(1);
    expect(world.said()).toMatchObject({ reason: 'WaitingForRules', message: expect.stringContaining('T00:00:30Z') });
  });

  test('is not written while verdicts flap between two reasons', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    for (let round = 0; round < 20; round++) {
      await world.decide('rule slots: its slot is kept until PodTransitionRule other has given one');
      await world.wait(1);
      await world.decide(FULL);
      await world.wait(1);
    }
    expect(world.cluster.writes).toEqual([]);
  });

  test('is written once in a grace time while reasons never settle', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    // 40 seconds, of which the last grace time is over when the loop is.
    for (let round = 0; round < 20; round++) {
      await world.decide(`task task-${round}x is pending`);
      await world.wait(2);
    }
    expect(world.cluster.writes).toHaveLength(40 / 10);
  });

  test.each([
    'rule slots: blocked by max unavailable 1/10, currently unavailable 0/10',
    'rule slots: blocked by max unavailable 3/29, currently unavailable 4/29',
  ])('is not written for figures: %s', async (reason) => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.decide(reason);
    await world.wait(60);
    expect(world.cluster.writes).toEqual([]);
  });

  test('is not written when the coordinator restarts between an edit and its verdict', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.edit();
    world.restart();
    await world.wait(1);
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toEqual([]);
  });

  test('turns Stalled at the deadline with one write, also when the rule is edited at that moment', async () => {
    const world = waiting();
    await world.untilRefusalIsTold();
    await world.wait(569);
    await world.edit();
    await world.wait(2);
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toHaveLength(1);
    expect(world.said()).toMatchObject({ reason: 'Stalled', message: expect.stringContaining('blocked by') });
  });
});

describe('a Pod that has said nothing yet', () => {
  test('does not blame the engine for an edit at the moment it would speak', async () => {
    const world = waiting();
    await world.pass();
    await world.decide(FULL);
    await world.wait(9);
    await world.edit();
    await world.wait(2);
    await world.decide(FULL);
    await world.wait(60);
    expect(world.cluster.writes).toHaveLength(1);
    expect(world.said()?.reason).toBe('WaitingForRules');
  });

  test('blames an engine that never spoke after the grace time, not later', async () => {
    const world = waiting();
    await world.wait(10);
    expect(world.cluster.writes).toHaveLength(1);
    expect(world.said()?.reason).toBe('WaitingForEngine');
  });
});
