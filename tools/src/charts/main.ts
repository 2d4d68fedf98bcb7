// Checks the charts with helm. It works on a copy, because building dependencies writes into a chart.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBinaries } from '@kuperator/cluster';
import { parse } from 'yaml';
import { excessiveRights, manifestsIn } from './manifests.ts';
import { disagreeing, type Schema, uncovered, unexplained } from './values.ts';
import { webhookProblems } from './webhooks.ts';

const charts = join(import.meta.dirname, '..', '..', '..', 'deploy', 'charts');
/** In the folder `ci` of a chart: values without which it cannot be installed. */
const REQUIRED_VALUES = 'required-values.yaml';
const fullValues = join(import.meta.dirname, 'full-values.yaml');
const helmPath = (await ensureBinaries(console.error, ['helm'])).path('helm');
const scratch = mkdtempSync(join(tmpdir(), 'kuperator-charts-'));
const problems: string[] = [];
const schemas: Record<string, Schema> = {};

try {
  cpSync(charts, scratch, { recursive: true });
  const names = readdirSync(scratch).filter((name) => existsSync(join(scratch, name, 'Chart.yaml')));
  for (const name of names) check(name);
  problems.push(...disagreeing(schemas).map((value) => `${value}: the schemas of a shared value must be the same`));
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? `${names.length} charts are sound` : `${problems.length} problems in the charts`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = problems.length === 0 ? 0 : 1;

function check(name: string): void {
  const report = (problem: string) => problems.push(`${name}: ${problem}`);
  const { type, dependencies = [] } = parse(read(name, 'Chart.yaml')) as { type?: string; dependencies?: unknown[] };
  if (type === 'library') return;

  if (existsSync(join(scratch, name, 'values.yaml'))) {
    for (const path of unexplained(read(name, 'values.yaml'))) report(`values.yaml: ${path} has no comment`);
    const schema: Schema = JSON.parse(read(name, 'values.schema.json'));
    for (const path of uncovered(parse(read(name, 'values.yaml')), schema)) report(`values.schema.json misses ${path}`);
    if (dependencies.length > 0) schemas[name] = schema;
  }

  if (dependencies.length > 0) helm(report, 'dependency', 'build', name);
  const namespace = '--namespace=kuperator-system';
  // A chart may have its own sets of values, as for chart-testing.
  const own = existsSync(join(scratch, name, 'ci')) ? readdirSync(join(scratch, name, 'ci')) : [];
  const valuesIn = (file: string) => ['--values', join(name, 'ci', file)];
  const required = own.includes(REQUIRED_VALUES) ? valuesIn(REQUIRED_VALUES) : [];
  helm(report, 'lint', '--strict', '--quiet', ...required, name);
  const variants = [[], ...own.filter((file) => file !== REQUIRED_VALUES).map(valuesIn)];
  if (dependencies.length > 0) variants.push(['--set=replicaCount=0'], ['--values', fullValues]);
  for (const variant of variants) {
    const manifests = manifestsIn(helm(report, 'template', name, name, namespace, ...required, ...variant));
    for (const right of excessiveRights(manifests)) report(`more rights than an operator may have: ${right}`);
    for (const problem of webhookProblems(manifests)) report(problem);
  }
}

/** Returns the output of `helm`. If helm fails, that is reported as a problem. */
function helm(report: (problem: string) => void, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(helmPath, args, { cwd: scratch, encoding: 'utf8' });
  if (status === 0) return stdout;
  report(`helm ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
  return '';
}

function read(chart: string, file: string): string {
  return readFileSync(join(scratch, chart, file), 'utf8');
}
