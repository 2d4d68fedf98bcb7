// Measures the cost of verdicts: many controlled Pods wait in PreCheck under one PodTransitionRule, and the engine as it is shipped
// decides on them. Also measures the parts of the engine separately.

import { conditionOf, POD_TRANSITION_RULES, PODS } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { beginOperation } from '@kuperator/lifecycle';
import { AuditLog } from '@kuperator/observer';
import { type KubeClient, systemClock } from '@kuperator/runtime';
import { overConnections } from './connections.ts';
import { contend, say, withCluster } from './contend.ts';
import { measureEvaluation, measurePodEvent } from './measured-apart.ts';
import { isServing } from './ours.ts';
import { metricsOf, parsePasses, passesBetween, sumOf } from './passes.ts';
import { timed } from './phase.ts';
import { APP_LABEL, type Arena, controlledPod, podName } from './pod-manifest.ts';
import type { PodWatch } from './pod-watch.ts';
import type { VerdictPhase, VerdictReport, VerdictSize, VerdictTiming } from './verdict-report.ts';
import { OPERATION, VerdictWatch } from './verdict-watch.ts';

type VerdictOptions = {
  /** Numbers of Pods that wait under one rule object. Each is measured in its own namespace. */
  readonly sizes: readonly number[];
  /** How often the rule is edited, so that every Pod needs another verdict. Default 10. */
  readonly edits?: number;
  /** Sizes for the separate measurements: Pods of an evaluation, labels of a Pod, and other objects. */
  readonly apart?: {
    readonly pods: readonly number[];
    readonly labels: readonly number[];
    readonly others: readonly number[];
  };
};

const ENGINE = 'podtransitionrule-engine';
const RULE = 'bench';
const CONNECTIONS = 16;
const TIMEOUT_MS = 600_000;
const APART = { pods: [100, 1000, 4000, 10_000], labels: [1, 10, 100], others: [10, 1000] };

export async function measureVerdict({ sizes, edits = 10, apart = APART }: VerdictOptions): Promise<VerdictReport> {
  say('an evaluation, and an event of a Pod, by themselves');
  const evaluations = await measureEvaluation(apart.pods);
  const podEvents = await measurePodEvent(apart.labels, apart.others);
  const measured = await withCluster('all', async (cluster) => {
    const audit = new AuditLog(`${cluster.dir}/audit.log`);
    const done: VerdictSize[] = [];
    // Not measured, because the first passes of a process also compile its code.
    for (const [at, pods] of [sizes[0] ?? 1, ...sizes].entries()) {
      say(`${pods} Pods`);
      done.push(
        await contend(cluster, `verdict-${at}`, (contest) => measure({ cluster, audit, ...contest, pods, edits })),
      );
    }
    return done.slice(1);
  });
  return { node: process.version, sizes: measured, evaluations, podEvents };
}

type Given = {
  cluster: Cluster;
  audit: AuditLog;
  client: KubeClient;
  watch: PodWatch;
  arena: Arena;
  pods: number;
  edits: number;
};

async function measure(given: Given): Promise<VerdictSize> {
  const { client, watch, arena, pods, edits } = given;
  const names = Array.from({ length: pods }, (_, at) => podName(at));
  await overConnections(names, CONNECTIONS, (name) => client.create(PODS, controlledPod(arena, name, 'web:v1')));
  await watch.until(`${pods} Pods serve`, { pods, each: isServing }, TIMEOUT_MS);
  await using stack = new AsyncDisposableStack();
  const verdicts = new VerdictWatch({ client, pods: watch, namespace: arena.namespace, rule: RULE });
  await verdicts.start();
  stack.defer(() => verdicts.stop());
  const created = await client.create(POD_TRANSITION_RULES, ruleFor(arena, pods));
  await verdicts.untilEvaluated(created.metadata.generation ?? 0);
  const run = (phase: VerdictPhase, act: () => Promise<void>) => observed(given, phase, act);

  const arrival = await run('all arrive', async () => {
    await overConnections(watch.informer.list(), CONNECTIONS, (pod) => {
      const labels = beginOperation(pod, { ...OPERATION, nanos: systemClock.nanos() });
      return client.patch(
        PODS,
        { ...arena, name: pod.metadata.name ?? '' },
        { type: 'merge', body: { metadata: { labels } } },
      );
    });
    await verdicts.untilDecided(created.metadata.generation ?? 0);
  });
  // The coordinator writes on each waiting Pod why it waits. After that the cluster is quiet, and only an edit causes passes.
  const explained = await run('waits are explained', () =>
    watch.until(
      'all waits are explained',
      { pods, each: (pod) => conditionOf(pod, PROGRESSING) !== undefined },
      TIMEOUT_MS,
    ),
  );
  const edited = await run('rule edited', async () => {
    for (let edit = 1; edit <= edits; edit++) {
      const { spec } = ruleFor(arena, pods, edit);
      const written = await client.patch(
        POD_TRANSITION_RULES,
        { ...arena, name: RULE },
        { type: 'merge', body: { spec } },
      );
      await verdicts.untilDecided(written.metadata.generation ?? 0);
    }
  });
  const { status } = await client.get(POD_TRANSITION_RULES, { ...arena, name: RULE });
  const waiting = (status?.details ?? []).length;
  return {
    pods,
    edits,
    waiting,
    statusBytes: JSON.stringify(status).length,
    phases: { 'all arrive': arrival, 'waits are explained': explained, 'rule edited': edited },
  };
}

const PROGRESSING = 'pod.kusionstack.io/operation-progressing';

/** A rule that lets a tenth of the Pods pass. Every edit changes its wording but not its meaning, so the verdicts stay the same but must be written again. */
function ruleFor({ namespace }: Arena, pods: number, edit = 0) {
  const tenth = edit % 2 === 0 ? '10%' : Math.ceil(pods / 10);
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { namespace, name: RULE },
    spec: {
      selector: { matchLabels: { [APP_LABEL]: 'web' } },
      rules: [
        { name: 'labelled', labelCheck: { requires: { matchLabels: { [APP_LABEL]: 'web' } } } },
        { name: 'budget', availablePolicy: { maxUnavailableValue: tenth } },
      ],
    },
  };
}

/** Measures the work of the engine while `act` runs. */
async function observed(
  { cluster, audit, pods }: Given,
  phase: VerdictPhase,
  act: () => Promise<void>,
): Promise<VerdictTiming> {
  const look = async () => {
    const text = await metricsOf(cluster.processes().find(({ name }) => name === ENGINE)?.httpPort);
    return {
      ...parsePasses(text, 'podtransitionrule'),
      evaluations: sumOf(text, 'kuperator_podtransitionrule_evaluation_seconds_count'),
      evaluationSeconds: sumOf(text, 'kuperator_podtransitionrule_evaluation_seconds_sum'),
    };
  };
  await audit.read();
  const before = await look();
  const timing = await timed(pods, act);
  const after = await look();
  const calls = await audit.read();
  const writes = calls.filter(({ client, resource }) => client === ENGINE && resource === 'podtransitionrules/status');
  say(`  ${phase}: ${timing.seconds.toFixed(1)} s, ${after.passes - before.passes} passes`);
  return {
    ...timing,
    ...passesBetween(before, after),
    evaluations: after.evaluations - before.evaluations,
    evaluationSeconds: after.evaluationSeconds - before.evaluationSeconds,
    statusWrites: writes.length,
  };
}
