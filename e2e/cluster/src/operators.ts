import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { operatorNamespace, repositoryRoot } from './charts.ts';
import { baseEnv } from './control-plane.ts';
import { withToken } from './kubeconfig.ts';
import type { ProcessSpec } from './protocol.ts';
import { run } from './run.ts';
import type { Ports } from './state.ts';

const appsFolder = join(repositoryRoot, 'apps');
const mainFile = (app: string) => join(appsFolder, app, 'src', 'main.ts');
/** Long enough for many starts at once on a loaded machine. */
const readyTimeoutMs = 120_000;
/** Longer than the lifetime of a developer's cluster. */
const tokenDuration = '8760h';

/** The operators of this repository: every app that can run. */
export async function availableOperators(): Promise<string[]> {
  const entries = await readdir(appsFolder).catch(() => []);
  return entries.filter((app) => existsSync(mainFile(app))).toSorted();
}

/** Operators that need a cloud, so that not every cluster can run them. */
const NEED_CLOUD: ReadonlySet<string> = new Set(['aliyun-slb-adapter']);

export function needsCloud(app: string): boolean {
  return NEED_CLOUD.has(app);
}

/** The requested operators; `all` are those that can run. Throws if a name is not an operator. @param hasCloud a local server stands for the cloud */
export function selectOperators(
  wanted: 'all' | 'none' | readonly string[],
  available: readonly string[],
  { hasCloud = false }: { hasCloud?: boolean } = {},
): readonly string[] {
  if (wanted === 'all') return available.filter((app) => hasCloud || !needsCloud(app));
  if (wanted === 'none') return [];
  const unknown = wanted.filter((app) => !available.includes(app));
  if (unknown.length === 0) return [...new Set(wanted)];
  throw new Error(`no operator ${unknown.map(shown).join(', ')}; there are ${available.join(', ') || 'none'}`);
}

/** Throws unless each key of `replicas` is an operator that is to run, and each count is valid. */
export function checkReplicas(replicas: Readonly<Record<string, number>>, running: readonly string[]): void {
  const unknown = Object.keys(replicas).filter((app) => !running.includes(app));
  if (unknown.length > 0) {
    throw new Error(
      `replicas of ${unknown.map(shown).join(', ')}: no such operator runs; running are ${running.join(', ') || 'none'}`,
    );
  }
  for (const [app, count] of Object.entries(replicas)) replicaNames(app, count);
}

function shown(name: string): string {
  return name === '' ? '""' : name;
}

/** Process names of `replicas` replicas of an app. A single replica has the name of the app. */
export function replicaNames(app: string, replicas: number): readonly string[] {
  if (!Number.isInteger(replicas) || replicas < 1)
    throw new Error(`replicas of ${app}: ${replicas} is not a number of 1 or more`);
  return replicas === 1 ? [app] : Array.from({ length: replicas }, (_, index) => `${app}-${index}`);
}

type OperatorOptions = {
  app: string;
  replicas: number;
  /** One port for each replica that serves a webhook. */
  webhookPorts: readonly number[];
  clusterName: string;
  dir: string;
  binaries: Binaries;
  ports: Ports;
  adminKubeconfig: string;
  natsUrl: string;
  extraEnv: Record<string, string>;
};

/** The processes of one operator. Each runs under the ServiceAccount of its chart, with no more rights than in a cluster. */
export async function planOperator(options: OperatorOptions): Promise<readonly ProcessSpec[]> {
  const kubeconfig = await writeServiceAccountKubeconfig(options);
  const specs: ProcessSpec[] = [];
  for (const [index, name] of replicaNames(options.app, options.replicas).entries()) {
    const port = await options.ports.take();
    const webhookPort = options.webhookPorts[index];
    specs.push({
      name,
      command: process.execPath,
      args: [mainFile(options.app)],
      cwd: repositoryRoot,
      env: {
        ...baseEnv(process.env),
        KUBECONFIG: kubeconfig,
        NATS_URL: options.natsUrl,
        POD_NAME: name,
        POD_NAMESPACE: operatorNamespace,
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(port),
        CLUSTER_NAME: options.clusterName,
        LOG_LEVEL: 'info',
        ...(webhookPort ? webhookEnv(webhookPort) : {}),
        ...options.extraEnv,
      },
      readyUrl: `http://127.0.0.1:${port}/readyz`,
      readyTimeoutMs,
      httpPort: port,
      graceful: true,
    });
  }
  return specs;
}

function webhookEnv(port: number): Record<string, string> {
  return { WEBHOOK_HOST: '127.0.0.1', WEBHOOK_PORT: String(port), WEBHOOK_SERVER_NAMES: '127.0.0.1' };
}

async function writeServiceAccountKubeconfig({
  app,
  dir,
  binaries,
  adminKubeconfig,
}: OperatorOptions): Promise<string> {
  const kubectl = (args: readonly string[], what: string) =>
    run(binaries.path('kubectl'), [`--kubeconfig=${adminKubeconfig}`, ...args], { what });
  const [token, admin] = await Promise.all([
    kubectl(
      ['create', 'token', app, `--namespace=${operatorNamespace}`, `--duration=${tokenDuration}`],
      `a token for ${app}`,
    ),
    kubectl(['config', 'view', '--raw', '--flatten', '--minify', '--output=json'], 'reading the kubeconfig'),
  ]);
  const folder = join(dir, 'kubeconfigs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, app);
  await writeFile(file, withToken(admin, app, token.trim()), { mode: 0o600 });
  return file;
}
