// Measures what one event of a Pod costs, without the network: it is trimmed, compared with what was known, and passed over. Run by
// `npm run bench -- --suite verdict`, which reads the JSON it prints. Arguments: `labels/others`, the labels of the Pod besides those of its
// operation, and how many rule objects, Services and waiting Pods there are beside it.

import {
  EMPLOYER_ADAPTER_ANNOTATION,
  POD_TRANSITION_RULES,
  type Pod,
  type PodTransitionRule,
  type RuleDetail,
  SERVICE_AVAILABLE_LABEL,
  SERVICE_READY_GATE,
  SERVICES,
  type Service,
  stageLabel,
} from '@kuperator/api';
import { createLogger, SELECTING, selectingKeys } from '@kuperator/runtime';
import { aCondition, aPod, aPodTransitionRule, aService, FakeClock, InMemoryCluster } from '@kuperator/testing';
import { eventsOf } from '../pod/facts.ts';
import { podReconciler } from '../pod/reconcile.ts';
import { trimPod } from '../pod/trim.ts';

const BATCHES = 7;
const RUNS = 2000;
const context = { logger: createLogger({ app: 'measure', level: 'silent' }), signal: new AbortController().signal };
const clock = new FakeClock();
const since = clock.nanos();

const measured = [];
for (const text of process.argv.slice(2)) {
  const [labels = 0, others = 0] = text.split('/').map(Number);
  measured.push({ labels, others, microseconds: await measure(labels, others) });
}
process.stdout.write(`${JSON.stringify(measured)}\n`);

/** CPU microseconds of one event: of a Pod that waits in PreCheck for a rule that refuses. */
async function measure(labels: number, others: number): Promise<number> {
  const cluster = new InMemoryCluster();
  cluster.add(POD_TRANSITION_RULES, ruleOver('web', ['web', ...names(others)]));
  for (const name of names(others)) {
    cluster.add(POD_TRANSITION_RULES, ruleOver(name, []));
    cluster.add(SERVICES, serviceOver(name));
  }
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { [SELECTING]: (rule: PodTransitionRule) => selectingKeys(rule, rule.spec.selector) },
  });
  const services = cluster.informer(SERVICES, {
    indexes: { [SELECTING]: (service) => selectingKeys(service, { matchLabels: service.spec.selector ?? {} }) },
  });
  const [pod, before] = [waitingPod(labels, '2'), trimPod(waitingPod(labels, '1'))];
  let cached = trimPod(pod);
  const reconcile = podReconciler({
    pods: { get: () => cached, observe: () => {}, observeGone: () => {} },
    rules,
    services,
    sight: { isClear: () => true, blindTo: async () => [] },
    client: { patch: () => Promise.reject(new Error('nothing is to be written')) },
    clock,
    recorder: { normal: () => {}, warn: () => {} },
    metrics: { wrote: () => {} },
    patience: { graceMs: 10_000, deadlineMs: 600_000 },
    isRunning: () => undefined,
    seen: new Map(),
  });
  const event = async () => {
    cached = trimPod(pod);
    eventsOf(before, cached);
    await reconcile(`default/web`, context);
  };
  await batch(event);
  let least = Number.POSITIVE_INFINITY;
  // The least of several batches: what others do on the machine only ever adds.
  for (let at = 0; at < BATCHES; at++) least = Math.min(least, await batch(event));
  return least;
}

async function batch(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < RUNS; at++) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / RUNS;
}

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `other-${at}`);
}

function waitingPod(labels: number, resourceVersion: string): Pod {
  const more = Object.fromEntries(
    Array.from({ length: labels }, (_, at) => [`example.com/label-${at}`, `value-${at}`]),
  );
  return aPod({
    metadata: {
      name: 'web',
      uid: 'uid-web',
      resourceVersion,
      labels: {
        app: 'web',
        ...more,
        [SERVICE_AVAILABLE_LABEL]: since,
        [stageLabel('operating', 'c')]: since,
        [stageLabel('operation-type', 'c')]: 'update',
        [stageLabel('pre-check', 'c')]: since,
      },
    },
    spec: { readinessGates: [{ conditionType: SERVICE_READY_GATE }] },
    status: { conditions: [aCondition('Ready', true), aCondition(SERVICE_READY_GATE, true)] },
  });
}

function ruleOver(app: string, waiting: readonly string[]): PodTransitionRule {
  const details = waiting.map(
    (name): RuleDetail => ({
      name,
      uid: `uid-${name}`,
      stage: 'PreCheck',
      passed: false,
      operations: [{ id: 'c', since }],
      rejectInfo: [
        { ruleName: 'max', reason: 'rule max: blocked by max unavailable 0/10, currently unavailable 0/10' },
      ],
    }),
  );
  return aPodTransitionRule({
    metadata: { name: app },
    spec: {
      selector: { matchLabels: { app } },
      rules: [{ name: 'max', availablePolicy: { maxUnavailableValue: 0 } }],
    },
    status: { observedGeneration: 1, targets: [...waiting], details },
  });
}

function serviceOver(app: string): Service {
  return aService({
    metadata: { name: app, annotations: { [EMPLOYER_ADAPTER_ANNOTATION]: 'endpointslice-adapter' } },
    spec: { selector: { app } },
  });
}
