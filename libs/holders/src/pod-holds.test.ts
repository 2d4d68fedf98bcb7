import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  LAST_POD_STATUS_ANNOTATION,
  type PodTransitionRule,
  RULE_DETAIL_ANNOTATION_PREFIX,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  STAGE_LABELS,
  stageLabel,
} from '@kuperator/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Facts, holdOf, holdsOf } from './pod-holds.ts';
import { aPod, inStage, NOW, running, SERVING, SINCE, SINCE_NANOS, waiting } from './test/pods.ts';
import { nextStepOf, textOf } from './text.ts';
import { PROGRESSING } from './told.ts';

const FINALIZER = 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6';
const EMPLOYER = 'Service/default/web';
const EXPECTED = {
  [AVAILABLE_CONDITIONS_ANNOTATION]: JSON.stringify({ expectedFinalizers: { [EMPLOYER]: FINALIZER } }),
};
const CHANGED = { [LAST_POD_STATUS_ANNOTATION]: '{}' };
const CLOSED = { [SERVICE_READY_GATE]: 'False' } as const;

const said = (given: Parameters<typeof aPod>[0], facts: Partial<Facts> = {}) => {
  const hold = holdOf(aPod(given), { nowMs: NOW, ...facts });
  return hold && textOf(hold.holder);
};
const stopped = (app: string) => ({ isRunning: (asked: string) => asked !== app });

function rule(name: string, reason: string | undefined): PodTransitionRule {
  const refused = { name: 'web-0', uid: 'uid-0', stage: 'PreCheck', passed: false };
  const operations = [{ id: 'collaset', since: SINCE_NANOS }];
  return {
    metadata: { name, namespace: 'default', generation: 1 },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      rules: [{ name: 'slots', availablePolicy: { maxUnavailableValue: 1 } }],
    },
    status:
      reason === undefined
        ? {}
        : {
            observedGeneration: 1,
            details: [{ ...refused, operations, rejectInfo: [{ ruleName: 'slots', reason }] }],
          },
  };
}

describe('who holds an operation', () => {
  const told = {
    [`${RULE_DETAIL_ANNOTATION_PREFIX}budget`]: JSON.stringify({
      stage: 'PreCheck',
      passed: false,
      rejectInfo: [{ ruleName: 'slots', reason: 'rule slots: 1 of 1 slots used' }],
    }),
  };
  const silent = {
    status: 'True',
    message: 'update collaset: no verdict from the podtransitionrule-engine on PodTransitionRule budget; in PreCheck',
  } as const;
  test.each<{ name: string; given: Parameters<typeof aPod>[0]; facts?: Partial<Facts>; text: string }>([
    {
      name: 'the rule that refuses, before those the engine has not spoken on',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { rules: [rule('silent', undefined), rule('budget', 'rule slots: 1 of 1 slots used')] },
      text: 'rule budget/slots: 1 of 1 slots used',
    },
    {
      name: 'the cache that may be old, where the rules as last seen let the operation pass',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { rules: [], blindTo: ['podtransitionrules', 'services'] },
      text: 'podopslifecycle-coordinator cannot tell whether its cache of podtransitionrules, services is current',
    },
    {
      name: 'the old cache that the coordinator noted on the Pod',
      given: {
        labels: inStage('PreCheck'),
        conditions: {
          ...SERVING,
          [PROGRESSING]: {
            status: 'True',
            message:
              'update collaset: podopslifecycle-coordinator cannot tell whether its cache of services is current; in PreCheck',
          },
        },
      },
      text: 'podopslifecycle-coordinator cannot tell whether its cache of services is current',
    },
    {
      name: 'the rule of another object that refuses first',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { rules: [rule('budget', 'rule other/labels: not labelled; no slot of rule slots meanwhile')] },
      text: 'rule other/labels: not labelled; no slot of rule slots meanwhile',
    },
    {
      name: 'the rule the coordinator noted on the Pod, where rules are not watched',
      given: { labels: inStage('PreCheck'), conditions: SERVING, annotations: told },
      text: 'rule budget/slots: 1 of 1 slots used',
    },
    {
      name: 'the engine that has not spoken',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { rules: [rule('budget', undefined)] },
      text: 'no verdict from the podtransitionrule-engine on PodTransitionRule budget (the rule was not evaluated yet)',
    },
    {
      name: 'the engine that does not run',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { rules: [rule('budget', undefined)], ...stopped('podtransitionrule-engine') },
      text: 'podtransitionrule-engine is not running (it has no live Lease); no verdict from the podtransitionrule-engine on PodTransitionRule budget (the rule was not evaluated yet)',
    },
    {
      name: 'the engine, as the coordinator noted it on the Pod',
      given: { labels: inStage('PreCheck'), conditions: { ...SERVING, [PROGRESSING]: silent } },
      text: 'no verdict from the podtransitionrule-engine',
    },
    {
      name: 'the engine that does not run and can take no refusal back',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { rules: [rule('budget', 'rule slots: 1 of 1 slots used')], ...stopped('podtransitionrule-engine') },
      text: 'podtransitionrule-engine is not running (it has no live Lease); no verdict from the podtransitionrule-engine on PodTransitionRule budget (the last one: rule budget/slots: 1 of 1 slots used)',
    },
    {
      name: 'the coordinator that does not run, though a rule refused before',
      given: { labels: inStage('PreCheck'), conditions: SERVING, annotations: told },
      facts: stopped('podopslifecycle-coordinator'),
      text: 'podopslifecycle-coordinator is not running (it has no live Lease); podopslifecycle-coordinator has not passed its PreCheck',
    },
    {
      name: 'the adapter that has not announced itself',
      given: { labels: inStage('PreCheck'), conditions: SERVING },
      facts: { awaited: [EMPLOYER] },
      text: `the traffic adapter of ${EMPLOYER} has not announced itself on the Pod`,
    },
    {
      name: 'the adapter whose finalizer is not off',
      given: { labels: inStage('Preparing'), conditions: CLOSED, finalizers: [FINALIZER], annotations: EXPECTED },
      text: `traffic of ${EMPLOYER} is not off (finalizer ${FINALIZER})`,
    },
    {
      name: 'the adapter that does not run',
      given: { labels: inStage('Preparing'), conditions: CLOSED, finalizers: [FINALIZER], annotations: EXPECTED },
      facts: { adapterOf: () => 'endpointslice-adapter', ...stopped('endpointslice-adapter') },
      text: `endpointslice-adapter is not running (it has no live Lease); traffic of ${EMPLOYER} is not off (finalizer ${FINALIZER})`,
    },
    {
      name: 'what keeps the adapter from its work',
      given: { labels: inStage('Preparing'), conditions: CLOSED, finalizers: [FINALIZER], annotations: EXPECTED },
      facts: { problemOf: (employer: string) => (employer === EMPLOYER ? 'Slb: InvalidAccessKeyId' : undefined) },
      text: `traffic of ${EMPLOYER} is not off (finalizer ${FINALIZER}): Slb: InvalidAccessKeyId`,
    },
    {
      name: 'an adapter of others, which keeps no Lease of ours',
      given: { labels: inStage('Preparing'), conditions: CLOSED, finalizers: [FINALIZER], annotations: EXPECTED },
      facts: { adapterOf: () => 'their-adapter', isRunning: () => false },
      text: `traffic of ${EMPLOYER} is not off (finalizer ${FINALIZER})`,
    },
    {
      name: 'the coordinator that has not closed the gate',
      given: { labels: inStage('Preparing'), conditions: SERVING },
      text: 'podopslifecycle-coordinator has not closed the service-ready gate',
    },
    {
      name: 'the delay of a permitted operation',
      given: { labels: inStage('Operate'), conditions: CLOSED },
      facts: { delay: () => ({ seconds: 60, untilMs: NOW + 30_000 }) },
      text: 'permitted, and waits for operationDelaySeconds (60 s, until 2026-01-01T00:01:30Z)',
    },
    {
      name: 'the operation controller',
      given: { labels: inStage('Operate', 'restart'), conditions: CLOSED },
      text: 'operation controller (restart) has not finished its change',
    },
    {
      name: 'the operation controller of ours that does not run',
      given: { labels: inStage('Operate'), conditions: CLOSED },
      facts: stopped('collaset-controller'),
      text: 'collaset-controller is not running (it has no live Lease); operation controller (collaset) has not finished its change',
    },
    {
      name: 'the coordinator that deletes a permitted Pod',
      given: { labels: inStage('Operate', 'pod-delete', 'delete'), conditions: CLOSED },
      text: 'podopslifecycle-coordinator has not deleted the Pod',
    },
    {
      name: 'the client of an eviction that has its permission',
      given: { labels: inStage('Operate', 'pod-evict', 'delete'), conditions: CLOSED },
      text: 'out of service, and may be evicted; its client has not asked again',
    },
    {
      name: 'the kubelet that cannot pull the image of a change made',
      given: {
        labels: inStage('Operate'),
        conditions: CLOSED,
        annotations: CHANGED,
        statuses: [waiting('ImagePullBackOff')],
      },
      text: 'kubelet cannot pull nginx:typo (ErrImagePull)',
    },
    {
      name: 'the node that has no room for a resize',
      given: {
        labels: inStage('Operate'),
        annotations: CHANGED,
        conditions: { ...CLOSED, PodResizePending: { status: 'True', reason: 'Deferred', message: 'no cpu' } },
      },
      text: 'resize is Deferred: no cpu',
    },
    {
      name: 'the kubelet that has not followed a change yet',
      given: { labels: inStage('Operate'), conditions: CLOSED, annotations: CHANGED },
      facts: { unfinished: 'container main still runs the image before nginx:2' },
      text: 'kubelet has not finished the change in place: container main still runs the image before nginx:2',
    },
    {
      name: 'the kubelet of a Pod that another controller operates on',
      given: { labels: inStage('Operate', 'restart'), conditions: CLOSED, statuses: [waiting('CrashLoopBackOff')] },
      text: 'container main keeps crashing (CrashLoopBackOff)',
    },
    {
      name: 'the readiness probe after an operation',
      given: {
        labels: inStage('Completing'),
        conditions: { [SERVICE_READY_GATE]: 'True', Ready: 'False' },
        statuses: [running({ ready: false })],
      },
      text: 'container main not ready (readiness probe)',
    },
    {
      name: 'the adapter whose finalizer is not on',
      given: { labels: inStage('Completing'), conditions: SERVING, annotations: EXPECTED },
      text: `traffic of ${EMPLOYER} is not on (finalizer ${FINALIZER})`,
    },
    {
      name: 'the user whose annotation cannot be read',
      given: {
        labels: inStage('Completing'),
        conditions: SERVING,
        annotations: { [AVAILABLE_CONDITIONS_ANNOTATION]: '[' },
      },
      text: `annotation ${AVAILABLE_CONDITIONS_ANNOTATION} is not a JSON object`,
    },
  ])('$name', ({ given, facts, text }) => {
    expect(said(given, facts)).toBe(text);
  });

  test('of two operations, that of the one that has come furthest', () => {
    const labels = { ...inStage('PreCheck', 'a'), ...inStage('Operate', 'b') };
    const pod = aPod({ labels, conditions: CLOSED });
    expect(holdsOf(pod, { nowMs: NOW })).toHaveLength(2);
    expect(holdOf(pod, { nowMs: NOW })).toMatchObject({ operation: { id: 'b' }, sinceMs: SINCE, pod: 'web-0' });
  });

  test('an annotation written by a hand is read with care', () => {
    for (const text of ['', '[]', 'null', '{"stage":"PreCheck","passed":false,"rejectInfo":[null,1,{"reason":2}]}']) {
      const annotations = { [`${RULE_DETAIL_ANNOTATION_PREFIX}x`]: text };
      expect(said({ labels: inStage('PreCheck'), conditions: SERVING, annotations })).toMatch(/^(rule x|podops)/);
    }
  });
});

describe('who holds a Pod without operation', () => {
  const inService = { [SERVICE_AVAILABLE_LABEL]: '1' };
  test.each<{ name: string; given: Parameters<typeof aPod>[0]; facts?: Partial<Facts>; text: string | undefined }>([
    { name: 'nobody holds a Pod in service', given: { labels: inService, conditions: SERVING }, text: undefined },
    {
      name: 'minReadySeconds one that is ready for too short a time',
      given: { labels: inService, conditions: SERVING },
      facts: { availableAtMs: NOW + 5000 },
      text: 'ready; minReadySeconds ends at 2026-01-01T00:01:05Z',
    },
    {
      name: 'the kubelet a new one, before its gate',
      given: { conditions: CLOSED, statuses: [waiting('ErrImagePull')] },
      text: 'kubelet cannot pull nginx:typo (ErrImagePull)',
    },
    {
      name: 'the coordinator one whose containers are ready',
      given: { conditions: CLOSED },
      facts: stopped('podopslifecycle-coordinator'),
      text: 'podopslifecycle-coordinator is not running (it has no live Lease); podopslifecycle-coordinator has not opened the service-ready gate',
    },
    {
      name: 'the adapter one whose traffic is not on',
      given: { conditions: SERVING, annotations: EXPECTED },
      text: `traffic of ${EMPLOYER} is not on (finalizer ${FINALIZER})`,
    },
  ])('$name', ({ given, facts, text }) => {
    expect(said(given, facts)).toBe(text);
  });
});

describe('who holds a Pod that is being deleted', () => {
  const ended = [running({ ready: false, state: { terminated: { exitCode: 0 } } })];
  test.each<{ name: string; given: Parameters<typeof aPod>[0]; text: string }>([
    {
      name: 'its grace period',
      given: { deletedMs: NOW + 20_000 },
      text: 'terminating on node node-0; its grace period ends at 2026-01-01T00:01:20Z',
    },
    {
      name: 'its grace period, before a finalizer that cannot go yet',
      given: { deletedMs: NOW + 20_000, finalizers: ['example.com/x'] },
      text: 'terminating on node node-0; its grace period ends at 2026-01-01T00:01:20Z',
    },
    { name: 'its node', given: { deletedMs: NOW - 60_000 }, text: 'kubelet of node node-0 does not report' },
    {
      name: 'a finalizer of others',
      given: { deletedMs: NOW + 20_000, finalizers: ['example.com/x'], statuses: ended },
      text: 'deleted, and held by finalizer example.com/x',
    },
    {
      name: 'an adapter',
      given: { deletedMs: NOW - 1000, finalizers: ['example.com/x', FINALIZER], annotations: EXPECTED },
      text: `traffic of ${EMPLOYER} is not off (finalizer ${FINALIZER})`,
    },
  ])('$name', ({ given, text }) => {
    expect(said(given)).toBe(text);
  });
});

test('whatever labels, annotations and statuses hands may have left, there is an answer', () => {
  const labels = fc
    .subarray(STAGE_LABELS.flatMap((stage) => ['a', 'collaset'].map((id) => stageLabel(stage, id))))
    .chain((keys) =>
      fc.record(Object.fromEntries(keys.map((key) => [key, fc.constantFrom('', 'yes', SINCE_NANOS, 'update')]))),
    );
  const statuses = fc.constantFrom([], [running()], [waiting('')], [running({ state: {}, ready: false })]);
  const property = fc.property(labels, statuses, fc.boolean(), (labels, statuses, isDeleted) => {
    const pod = aPod({ labels, statuses, ...(isDeleted ? { deletedMs: NOW } : {}) });
    for (const { holder } of holdsOf(pod, { nowMs: NOW })) {
      expect(textOf(holder)).not.toBe('');
      expect(nextStepOf(holder)).not.toBe('');
    }
  });
  fc.assert(property, { numRuns: 500 });
});
