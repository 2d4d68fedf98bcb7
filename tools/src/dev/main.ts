// npm run dev -- <app>: starts a cluster with every operator. <app> runs here, from source, and restarts at each change.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { attachCluster, type Cluster, startCluster } from '@kuperator/cluster';
import { Argument, Command } from 'commander';
import { prettyLine } from './pretty.ts';

const CLUSTER_NAME = 'dev';
/** Needs a cloud: a local server stands for it. */
const SLB_ADAPTER = 'aliyun-slb-adapter';
const root = join(import.meta.dirname, '..', '..', '..');
const mainFileOf = (name: string) => join(root, 'apps', name, 'src', 'main.ts');
const apps = readdirSync(join(root, 'apps')).filter((name) => existsSync(mainFileOf(name)));
const [app = ''] = new Command('npm run dev --')
  .description('Starts a cluster with every operator. <app> runs here, from source, and restarts at each change.')
  .addArgument(new Argument('<app>', 'the operator to work on').choices(apps))
  .parse().args;
const mainFile = mainFileOf(app);

const { cluster, ours } = await findOrStart();
const replicas = cluster.processes().filter(({ name }) => name === app || name.startsWith(`${app}-`));
for (const { name } of replicas) await cluster.stop(name);
console.error(
  `Cluster ${cluster.name} is up. In another terminal: eval "$(npm run -s cluster -- env --name ${cluster.name})"`,
);

const child = spawn(process.execPath, ['--watch', '--watch-preserve-output', mainFile], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, ...operatorEnv(cluster, replicas[0]?.httpPort), ...(await webhookEnv(cluster)) },
});
createInterface({ input: child.stdout }).on('line', (line) => console.log(prettyLine(line)));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'));
child.on('exit', async () => {
  console.error(ours ? 'Stopping the cluster' : `Giving ${app} back to the cluster`);
  if (ours) await cluster.down();
  else for (const { name } of replicas) await cluster.start(name);
  process.exit();
});

/** Uses a cluster that `npm run cluster -- up --name dev` or another terminal started, and leaves it running. Otherwise starts one. */
async function findOrStart(): Promise<{ cluster: Cluster; ours: boolean }> {
  const running = await attachCluster(CLUSTER_NAME).catch(() => undefined);
  if (running) return { cluster: running, ours: false };
  const slb = app === SLB_ADAPTER;
  return { cluster: await startCluster({ name: CLUSTER_NAME, onProgress: console.error, slb }), ours: true };
}

/** The environment that the cluster gives the operator, with only the rights of its chart. */
function operatorEnv({ dir, env, name, natsUrl }: Cluster, httpPort: number | undefined): NodeJS.ProcessEnv {
  return {
    ...(app === SLB_ADAPTER ? env : {}),
    KUBECONFIG: join(dir, 'kubeconfigs', app),
    NATS_URL: natsUrl,
    POD_NAME: app,
    POD_NAMESPACE: 'kuperator-system',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(httpPort ?? 8080),
    CLUSTER_NAME: name,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'debug',
  };
}

/** If the operator has a webhook, it must listen at the address that the API server uses. */
async function webhookEnv({ kubectl }: Cluster): Promise<NodeJS.ProcessEnv> {
  const configuration = ['validatingwebhookconfigurations', `${app}.kuperator-system`, '--ignore-not-found'];
  const url = await kubectl(['get', ...configuration, '--output=jsonpath={.webhooks[0].clientConfig.url}']);
  if (!url) return {};
  return { WEBHOOK_HOST: '127.0.0.1', WEBHOOK_PORT: new URL(url).port, WEBHOOK_SERVER_NAMES: '127.0.0.1' };
}
