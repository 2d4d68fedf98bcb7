import { readFileSync } from 'node:fs';
import type { Binaries } from './binaries.ts';
import { uninstallOperatorChart } from './charts.ts';
import type { Cluster } from './options.ts';
import { waitUntil } from './probe.ts';
import { run } from './run.ts';
import { slbEnv } from './slb.ts';
import { type ClusterRecord, clusterFolder } from './state.ts';
import type { SupervisorClient } from './supervisor-client.ts';

/** The handle of a cluster whose supervisor is `client`. */
export function clusterOf(record: ClusterRecord, client: SupervisorClient, binaries: Binaries): Cluster {
  const dir = clusterFolder(record.name);
  const { name, kubeconfigPath, natsUrl } = record;
  const stop = async (process: string, signal: NodeJS.Signals = 'SIGTERM') => {
    await client.request('stop', { name: process, signal });
  };
  const start = async (process: string) => {
    await client.request('start', { name: process });
  };
  const down = async () => {
    if (!client.connected()) return;
    await stopOperatorsOfForeignCluster(record, client, binaries);
    await client.request('down', null);
    await supervisorEnded(record.supervisorPid);
  };
  return {
    name,
    dir,
    kubeconfigPath,
    natsUrl,
    kubectlPath: binaries.path('kubectl'),
    env: { KUBECONFIG: kubeconfigPath, NATS_URL: natsUrl, KUPERATOR_CLUSTER_DIR: dir, ...slbEnv(record.slb) },
    processes: () => client.processes(),
    run: async (process) => {
      await client.request('run', process);
    },
    stop,
    start,
    restart: async (process) => {
      await stop(process);
      await start(process);
    },
    kubectl: (args, input) =>
      run(binaries.path('kubectl'), [`--kubeconfig=${kubeconfigPath}`, ...args], {
        what: `kubectl ${args.join(' ')}`,
        ...(input === undefined ? {} : { input }),
      }),
    down,
    [Symbol.asyncDispose]: down,
  };
}

/** A cluster that the user gave stays, so what we installed in it is removed. Operators stop first, because they would fail without their rights. */
async function stopOperatorsOfForeignCluster(
  record: ClusterRecord,
  client: SupervisorClient,
  binaries: Binaries,
): Promise<void> {
  if (record.ownControlPlane) return;
  const running = client.processes().filter(({ name, state }) => name !== 'nats' && state === 'running');
  await Promise.all(running.map(({ name }) => client.request('stop', { name, signal: 'SIGTERM' })));
  const options = { binaries, dir: clusterFolder(record.name), kubeconfig: record.kubeconfigPath };
  await Promise.all(record.operators.map((app) => uninstallOperatorChart(app, options)));
}

async function supervisorEnded(pid: number): Promise<void> {
  await waitUntil(() => !isAlive(pid), { what: `the supervisor (pid ${pid}) to end`, timeoutMs: 10_000, everyMs: 10 });
}

/** Whether a process with this id runs. A process that has ended but whose parent has not read its exit code does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    // The state follows the name, which is in parentheses and may contain any character.
    return /^ Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, ''));
  } catch {
    return false; // the process has ended meanwhile, or this is not Linux
  }
}
