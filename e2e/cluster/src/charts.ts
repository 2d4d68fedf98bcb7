import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { baseEnv } from './control-plane.ts';
import { waitUntil } from './probe.ts';
import { run } from './run.ts';

export const repositoryRoot = join(import.meta.dirname, '..', '..', '..');
/** Namespace of the operators. */
export const operatorNamespace = 'kuperator-system';

const chartsFolder = join(repositoryRoot, 'deploy', 'charts');
const libraryChart = 'operator';
const definitionsChart = 'crds';

export type Charts = { folder: string; hasDefinitions: boolean; operators: readonly string[] };

/**
 * Copies the repository's charts into `dir`, with the library chart inside each chart that depends on it, as `helm dependency build`
 * would do in place. So nothing is written in the repository, and two clusters do not conflict there.
 */
export async function copyCharts(dir: string): Promise<Charts> {
  const folder = join(dir, 'charts');
  const names = await chartNames();
  await mkdir(folder, { recursive: true });
  const operators = names.filter((name) => name !== libraryChart && name !== definitionsChart);
  for (const name of names) {
    await cp(join(chartsFolder, name), join(folder, name), {
      recursive: true,
      filter: (path) => !isVendored(name, path),
    });
  }
  if (names.includes(libraryChart)) {
    for (const name of operators) {
      await cp(join(chartsFolder, libraryChart), join(folder, name, 'charts', libraryChart), { recursive: true });
    }
  }
  return { folder, hasDefinitions: names.includes(definitionsChart), operators };
}

export type HelmOptions = { binaries: Binaries; dir: string; kubeconfig: string };

type Definition = { status?: { conditions?: { type: string; status: string }[] | null } };

/** Installs the custom resource definitions and returns once the API server serves them. */
export async function installDefinitions(charts: Charts, options: HelmOptions): Promise<void> {
  await helmInstall(options, { release: definitionsChart, chart: join(charts.folder, definitionsChart) });
  // `kubectl wait` cannot be used: it fails while a new definition has no conditions yet.
  const args = [`--kubeconfig=${options.kubeconfig}`, 'get', 'customresourcedefinitions', '--output=json'];
  const what = 'the custom resource definitions to be served';
  const established = async () => {
    const { items } = JSON.parse(await run(options.binaries.path('kubectl'), args, { what })) as {
      items: Definition[];
    };
    return items.every(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True'),
    );
  };
  await waitUntil(established, { what, timeoutMs: 30_000 });
}

/** Whether the chart of an operator configures a webhook in the API server. */
export async function hasWebhook(app: string, charts: Charts): Promise<boolean> {
  return /^webhook:/m.test(await readFile(join(charts.folder, app, 'values.yaml'), 'utf8'));
}

/** Installs the chart of one operator without its Pods. ServiceAccount, roles, policies and the rest are those that a user gets. */
export async function installOperatorChart(
  options: HelmOptions,
  { app, charts, values }: { readonly app: string; readonly charts: Charts; readonly values: readonly string[] },
): Promise<void> {
  const flags = ['replicaCount=0', ...values].map((value) => `--set=${value}`);
  await helmInstall(options, { release: app, chart: join(charts.folder, app), flags });
}

/** Uninstalls the chart of one operator. */
export async function uninstallOperatorChart(app: string, options: HelmOptions): Promise<void> {
  await helm(
    ['uninstall', app, `--namespace=${operatorNamespace}`, '--ignore-not-found'],
    `uninstalling ${app}`,
    options,
  );
}

async function helmInstall(
  options: HelmOptions,
  {
    release,
    chart,
    flags = [],
  }: { readonly release: string; readonly chart: string; readonly flags?: readonly string[] },
): Promise<void> {
  const args = [
    'upgrade',
    release,
    chart,
    '--install',
    `--namespace=${operatorNamespace}`,
    '--create-namespace',
    ...flags,
  ];
  await helm(args, `installing the chart ${release}`, options);
}

function helm(args: readonly string[], what: string, { binaries, dir, kubeconfig }: HelmOptions): Promise<string> {
  const home = join(dir, 'helm');
  const env = {
    ...baseEnv(process.env),
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
  };
  return run(binaries.path('helm'), args, { env, what });
}

async function chartNames(): Promise<string[]> {
  const entries = await readdir(chartsFolder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function isVendored(chart: string, path: string): boolean {
  return path.startsWith(join(chartsFolder, chart, 'charts'));
}
