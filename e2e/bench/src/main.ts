import { writeFile } from 'node:fs/promises';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { AuditLog, countCalls, operatorWrites } from '@kuperator/observer';
import { createKubeClient } from '@kuperator/runtime';
import { Command, InvalidArgumentError } from 'commander';
import { runBare } from './bare.ts';
import { runCeiling } from './ceiling.ts';
import { runOurs } from './ours.ts';
import { PHASES, type Phase, podsPerSecond, type Timing } from './phase.ts';
import { PodWatch } from './pod-watch.ts';
import { usageOf } from './process-usage.ts';
import { type PhaseReport, type Report, render } from './report.ts';

const OPERATORS = [
  'collaset-controller',
  'podopslifecycle-coordinator',
  'podtransitionrule-engine',
  'endpointslice-adapter',
];

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on is allowed');
  return value;
}

const options = new Command('bench')
  .description('Measures the operators against two ceilings, in one run on one control plane.')
  .option('--pods <n>', 'Pods each contender handles', wholeNumber, 200)
  .option('--max-unavailable <value>', 'adds a PodTransitionRule with this budget, e.g. 20%')
  .option('--json <file>', 'writes all figures to this file')
  .parse()
  .opts<{ pods: number; maxUnavailable?: string; json?: string }>();

const say = (line: string) => process.stderr.write(`${line}\n`);

const report = await measure();
process.stdout.write(`${render(report)}\n`);
if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);

async function measure(): Promise<Report> {
  const { pods, maxUnavailable } = options;
  // The ceilings have no operators beside them: they show what the control plane can do.
  say('the two ceilings');
  const ceilings = await withCluster('none', async (cluster) => ({
    bare: await contend(cluster, 'bare', (client, watch, arena) => runBare(client, watch, arena, pods)),
    ceiling: await contend(cluster, 'ceiling', (client, watch, arena) => runCeiling(client, watch, arena, pods)),
  }));
  for (const [name, timings] of Object.entries(ceilings)) say(`  ${name}: ${summaryOf(timings)}`);
  say('ours');
  const ours = await withCluster('all', (cluster) => measureOurs(cluster));
  return { pods, maxUnavailable: maxUnavailable ?? null, node: process.version, ...ceilings, ...ours };
}

function summaryOf(timings: Partial<Record<Phase, Timing>>): string {
  return PHASES.flatMap((phase) => {
    const timing = timings[phase];
    return timing ? [`${phase} ${podsPerSecond(timing).toFixed(1)}/s`] : [];
  }).join(', ');
}

async function measureOurs(cluster: Cluster): Promise<Pick<Report, 'ours' | 'peakMiB'>> {
  const audit = new AuditLog(`${cluster.dir}/audit.log`);
  const processes = cluster.processes().filter(({ name }) => OPERATORS.includes(name) || name === 'kube-apiserver');
  const usage = () => Promise.all(processes.map(async ({ name, pid }) => ({ name, ...(await usageOf(pid)) })));
  const phases = new Map<Phase, PhaseReport>();
  const around = async (phase: Phase, run: () => Promise<Timing>) => {
    await audit.read();
    const before = await usage();
    const timing = await run();
    const after = await usage();
    const calls = await audit.read();
    phases.set(phase, {
      ...timing,
      writesPerPod: operatorWrites(calls) / timing.pods,
      calls: countCalls(calls),
      cpuSeconds: Object.fromEntries(
        after.map(({ name, cpuSeconds }, at) => [name, cpuSeconds - (before[at]?.cpuSeconds ?? 0)]),
      ),
    });
    say(`  ${phase}: ${timing.seconds.toFixed(1)} s`);
    return timing;
  };
  const { pods, maxUnavailable } = options;
  await contend(cluster, 'ours', (client, watch, arena) =>
    runOurs(client, watch, arena, { pods, maxUnavailable, around }),
  );
  const ours = Object.fromEntries(PHASES.map((phase) => [phase, phases.get(phase)])) as Record<Phase, PhaseReport>;
  return { ours, peakMiB: Object.fromEntries((await usage()).map(({ name, peakMiB }) => [name, peakMiB])) };
}

type Contender<T> = (
  client: ReturnType<typeof createKubeClient>,
  watch: PodWatch,
  arena: { namespace: string },
) => Promise<T>;

/** Gives a contender its namespace, client and watch. */
async function contend<T>(cluster: Cluster, namespace: string, run: Contender<T>): Promise<T> {
  await cluster.kubectl(['create', 'namespace', namespace]);
  const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'bench' });
  const watch = new PodWatch(client, { namespace });
  await watch.start();
  try {
    return await run(client, watch, { namespace });
  } finally {
    await watch.stop();
    await client.close();
  }
}

async function withCluster<T>(operators: 'all' | 'none', run: (cluster: Cluster) => Promise<T>): Promise<T> {
  await using cluster = await startCluster({ operators, audit: true, onProgress: (line) => say(`  ${line}`) });
  return await run(cluster);
}
