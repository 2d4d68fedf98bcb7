import type { Cluster } from '@kuperator/cluster';
import { AuditLog, countCalls, operatorWrites } from '@kuperator/observer';
import { runBare } from './bare.ts';
import { runCeiling } from './ceiling.ts';
import { contend, say, withCluster } from './contend.ts';
import { runOurs } from './ours.ts';
import { PHASES, type Phase, podsPerSecond, type Timing } from './phase.ts';
import { usageOf } from './process-usage.ts';
import type { PhaseReport, Report } from './report.ts';

const OPERATORS = [
  'collaset-controller',
  'podopslifecycle-coordinator',
  'podtransitionrule-engine',
  'endpointslice-adapter',
];

type SpeedOptions = {
  readonly pods: number;
  readonly maxUnavailable: string | undefined;
  readonly service: boolean;
};

/** The operators against two ceilings, in one run on one control plane. */
export async function measureSpeed(options: SpeedOptions): Promise<Report> {
  const { pods, maxUnavailable, service } = options;
  // The ceilings run without operators, because they show the limits of the control plane.
  say('the two ceilings');
  const ceilings = await withCluster('none', async (cluster) => ({
    bare: await contend(cluster, 'bare', (contest) => runBare(contest, pods)),
    ceiling: await contend(cluster, 'ceiling', (contest) => runCeiling(contest, pods)),
  }));
  for (const [name, timings] of Object.entries(ceilings)) say(`  ${name}: ${summaryOf(timings)}`);
  say('ours');
  const ours = await withCluster('all', (cluster) => measureOurs(cluster, options));
  return { pods, maxUnavailable: maxUnavailable ?? null, service, node: process.version, ...ceilings, ...ours };
}

function summaryOf(timings: Partial<Record<Phase, Timing>>): string {
  return PHASES.flatMap((phase) => {
    const timing = timings[phase];
    return timing ? [`${phase} ${podsPerSecond(timing).toFixed(1)}/s`] : [];
  }).join(', ');
}

async function measureOurs(cluster: Cluster, options: SpeedOptions): Promise<Pick<Report, 'ours' | 'peakMiB'>> {
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
  await contend(cluster, 'ours', (contest) => runOurs(contest, { ...options, around }));
  const ours = Object.fromEntries(PHASES.map((phase) => [phase, phases.get(phase)])) as Record<Phase, PhaseReport>;
  return { ours, peakMiB: Object.fromEntries((await usage()).map(({ name, peakMiB }) => [name, peakMiB])) };
}
