import { stdout } from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type ClusterSummary, clusterDown, listClusters, showLog } from './commands.ts';
import { KUBELET_DELAYS } from './kwok-real-stages.ts';
import type { Cluster, ClusterOptions } from './options.ts';
import { shellExports } from './shell-exports.ts';
import { attachCluster, startReleasable } from './start.ts';
import { readRecord } from './state.ts';

type Named = { name: string };

const say = (line: string) => console.error(line);
const print = (line: string) => stdout.write(`${line}\n`);
const named = (command: Command) => command.option('--name <name>', 'name of the cluster', 'default');

function printEnv(cluster: Cluster): void {
  for (const line of shellExports(cluster)) print(line);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('allowed: a whole number');
  return Number(text);
}

function addReplicas(text: string, all: Record<string, number> = {}): Record<string, number> {
  const [, app, count] = /^([^=]+)=([1-9]\d{0,2})$/.exec(text) ?? [];
  if (app === undefined) throw new InvalidArgumentError('allowed: <app>=<count>, a count from 1 to 999');
  return { ...all, [app]: Number(count) };
}

function operatorsOf(text: string): 'all' | 'none' | string[] {
  return text === 'all' || text === 'none' ? text : text.split(',').map((name) => name.trim());
}

function delayOf(text: string): number | 'grace-period' {
  if (text === 'grace-period') return text;
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('allowed: a whole number of milliseconds, or grace-period');
  return Number(text);
}

async function up(options: ClusterOptions): Promise<void> {
  const started = startReleasable({ ...options, onProgress: say });
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) return;
    interrupted = true;
    say('interrupted: removing what was started');
    // The supervisor owns all processes and stops when this process ends, but a user wants to see that it is done.
    endInterrupted(options.name ?? 'default').catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  try {
    const { cluster, release } = await started;
    if (interrupted) return;
    await release();
    printEnv(cluster);
  } catch (error) {
    if (!interrupted) throw error; // after an interruption, the start fails because everything is being removed
  }
}

async function endInterrupted(name: string): Promise<void> {
  const record = await readRecord(name);
  if (record && !record.ready) await clusterDown(name);
  process.exit(130);
}

function describe({ name, state, processes }: ClusterSummary): string[] {
  const rows = processes.map(
    (p) => `  ${p.name.padEnd(28)} ${p.state}${p.pid ? ` (pid ${p.pid})` : ''}${p.ended ? `: ${p.ended}` : ''}`,
  );
  const left = `its supervisor was killed; \`npm run cluster -- down --name ${name}\` removes what is left`;
  return [`${name}: ${state}${state === 'broken' ? ` (${left})` : ''}`, ...rows];
}

const program = new Command('npm run cluster --').description(
  'A Kubernetes control plane with the operators, on this machine.',
);

named(program.command('up'))
  .description('start a cluster, print its environment, and keep it running')
  .option('--nodes <count>', 'number of simulated nodes', wholeNumber, 3)
  .option('--operators <names>', 'operators to run: "all", "none", or names separated by commas', operatorsOf, 'all')
  .option('--replicas <app=count>', 'number of processes of an operator; may be repeated', addReplicas)
  .option('--audit', 'write audit.log', false)
  .option('--no-definitions', 'install no custom resource definitions')
  .option('--no-nats', 'start no NATS server')
  .option('--slb', 'start a local Aliyun SLB server and a stand-in for its cloud-controller-manager', false)
  .option('--kubeconfig <file>', 'use this cluster, and start only NATS and operators')
  .option('--image-change-delay <ms>', 'time from a changed image to the restarted container', wholeNumber, 0)
  .option('--kubelet-delays', 'let the simulated nodes take the steps of a real kubelet, with its delays', false)
  .addOption(
    new Option('--termination-delay <ms>', 'from a deletion to the end, or "grace-period"')
      .argParser(delayOf)
      .default(0),
  )
  .action(({ imageChangeDelay, kubeletDelays, ...options }) =>
    up({ ...options, imageChangeDelayMs: imageChangeDelay, ...(kubeletDelays ? { kubelet: KUBELET_DELAYS } : {}) }),
  );

named(program.command('down'))
  .description('stop a cluster and remove its files')
  .action(({ name }: Named) => clusterDown(name));

program
  .command('list')
  .description('list clusters and their processes')
  .action(async () => {
    const summaries = await listClusters();
    if (summaries.length === 0) say('no clusters');
    for (const summary of summaries) for (const line of describe(summary)) print(line);
  });

named(program.command('env'))
  .description('print the environment of a cluster')
  .action(async ({ name }: Named) => printEnv(await attachCluster(name)));

named(program.command('logs'))
  .description('print the log of a process')
  .argument('<process>', 'e.g. kube-apiserver, or an operator')
  .option('-f, --follow', 'continue to print as the log grows', false)
  .action((processName: string, { name, follow }: Named & { follow: boolean }) => showLog(name, processName, follow));

named(program.command('restart'))
  .description('stop a process, or all replicas of an operator, and start it again')
  .argument('<process>')
  .action(async (processName: string, { name }: Named) => {
    const cluster = await attachCluster(name);
    const replicas = cluster
      .processes()
      .filter((p) => p.name === processName || p.name.replace(/-\d+$/, '') === processName);
    for (const { name: replica } of replicas) await cluster.restart(replica);
    if (replicas.length === 0) await cluster.restart(processName); // the error lists the processes
  });

stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0); // the reader of the output has closed it, as in `list | head -1`
});

try {
  await program.parseAsync();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
