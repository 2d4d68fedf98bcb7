// The first process of the run's namespaces: `node inside.ts <options as JSON>`. When it ends, all other processes of the run end. The
// process outside holds its stdin, which closes when that process ends.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { clusterName, type Environment, environmentFor, resultsFile, routesFile } from './environment.ts';
import { auditFile, auditPolicy } from './evidence.ts';
import { keepLogs, prepareHost, stateFolder } from './host.ts';
import { buildImages, type Programs } from './images.ts';
import { startNode } from './nodes.ts';
import { startProxy } from './proxy.ts';
import { type Result, tableOf } from './report.ts';
import { RouteMonitor } from './routes.ts';

export type InsideOptions = Omit<Environment, keyof Programs> & {
  /** If false, the adapter relies on EndpointSlices at once. */
  hold: boolean;
  /** Runs no test, and stays until stdin closes. */
  stay: boolean;
  /** Arguments of Vitest: files, reporters. */
  vitest: readonly string[];
  /** Folder to which logs are copied if a test fails. */
  logs: string | undefined;
};

const root = join(import.meta.dirname, '..', '..', '..');
const options = JSON.parse(process.argv[2] ?? '{}') as InsideOptions;
process.stdin.on('end', () => process.exit(1)).resume();
process.exitCode = 1;

const started = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);

try {
  await prepareHost();
  process.env.XDG_STATE_HOME = stateFolder;
  process.env.TMPDIR = join(stateFolder, 'tmp');
  await mkdir(process.env.TMPDIR);
  const monitor = new RouteMonitor((change) => appendFileSync(routesFile, `${JSON.stringify(change)}\n`));
  const programs = await buildImages(join(stateFolder, 'images'), say);
  const cluster = await startEverything(programs);
  say(`ready: KUBECONFIG=${cluster.kubeconfigPath}`);
  if (options.stay) await new Promise(() => {});
  process.exitCode = await runTests({ ...options, ...programs });
  monitor.stop();
  console.log(`\n${tableOf(results())}`);
  if (process.exitCode !== 0 && options.logs !== undefined) await keepLogs(options.logs);
  await cluster.down();
} catch (error) {
  console.error(error);
  if (options.logs !== undefined) await keepLogs(options.logs);
}
process.exit();

async function startEverything({ archives }: Programs): Promise<Cluster> {
  const policyFile = join(stateFolder, 'audit-policy.yaml');
  await writeFile(policyFile, JSON.stringify(auditPolicy));
  const { cgroup, hold } = options;
  const cluster = await startCluster({
    name: clusterName,
    nodes: 0,
    apiServerFlags: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditFile}`, '--audit-log-maxsize=10000'],
    operatorEnv: hold ? {} : { TRAFFIC_OFF_HOLD_MS: '0', TRAFFIC_ON_HOLD_MS: '0' },
    onProgress: say,
  });
  say('starting the node and kube-proxy');
  await Promise.all([startNode({ cluster, number: 1, cgroup, archives }), startProxy(cluster)]);
  return cluster;
}

function runTests(environment: Environment): Promise<number> {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, 'run', '--project=real-node', ...options.vitest], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environmentFor(environment) },
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function results(): readonly Result[] {
  if (!existsSync(resultsFile)) return [];
  const lines = readFileSync(resultsFile, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Result);
}
