// npm test [-- --unit]: runs every check of the repository, the fastest first. After a failure the later checks still run. The last
// line is `N passed, N failed`. It counts each test, and each other check as one.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { summaryOf, type Tally, tallyOf, total, type VitestReport } from './tally.ts';

type Step = { title: string; slow?: true; run: () => Promise<Tally> };

// Parse the options first, so that --help or a wrong option runs nothing.
const options = new Command('npm test --')
  .description('Runs every check of the repository, the fastest first; the last line is `N passed, N failed`.')
  .option(
    '--unit',
    'only the checks that need no cluster: boundaries, keys, generated files, lint, types, unit tests',
    false,
  )
  .parse()
  .opts<{ unit: boolean }>();

const root = join(import.meta.dirname, '..', '..');
const script = (path: string) => join(root, 'tools', 'src', path);
const bin = (path: string) => join(root, 'node_modules', path);
const nx = bin('nx/dist/bin/nx.js');
const reports = mkdtempSync(join(tmpdir(), 'kuperator-test-'));
let running: ChildProcess | undefined;
let interruptedBy: NodeJS.Signals | undefined;

const steps: readonly Step[] = [
  { title: 'package boundaries', run: check(script('boundaries/main.ts')) },
  { title: 'keys of objects', run: check(script('keys/main.ts')) },
  { title: 'generated files', run: check(script('generated.ts')) },
  { title: 'lint', run: check(bin('@biomejs/biome/bin/biome'), 'check', '.') },
  { title: 'types', run: check(nx, 'run-many', '-t', 'typecheck') },
  { title: 'unit tests', run: vitest('unit') },
  { title: 'programs of a cluster', slow: true, run: clusterPrograms },
  { title: 'packages and example', slow: true, run: vitest('packages') },
  { title: 'charts', slow: true, run: check(script('charts/main.ts')) },
  { title: 'integration tests', slow: true, run: vitest('integration') },
  { title: 'end-to-end tests', slow: true, run: vitest('e2e') },
  { title: 'tests on a real node', slow: true, run: realNode },
];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interruptedBy = signal;
    // In a terminal the child gets Ctrl-C itself.
    if (signal !== 'SIGINT' || !process.stderr.isTTY) running?.kill(signal);
  });
}

const outcomes: string[] = [];
const tallies: Tally[] = [];
try {
  for (const { title, run } of steps.filter(({ slow }) => !(slow && options.unit))) {
    console.log(`\n── ${title}`);
    const started = performance.now();
    const tally = await run();
    if (interruptedBy) break;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    outcomes.push(`${tally.failed === 0 ? '✓' : '✗'} ${title}: ${summaryOf(tally)} (${seconds} s)`);
    tallies.push(tally);
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}

console.log(`\n${outcomes.join('\n')}\n`);
const sum = total(tallies);
console.log(summaryOf(sum));
process.exitCode = interruptedBy ? 128 + constants.signals[interruptedBy] : sum.failed === 0 ? 0 : 1;

function check(...command: string[]): Step['run'] {
  return async () => ((await exitCodeOf(command)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
}

function vitest(project: string): Step['run'] {
  return () =>
    reported(project, (reporters) => [bin('vitest/vitest.mjs'), 'run', `--project=${project}`, ...reporters]);
}

/** If the machine cannot run a node, the command says so and nothing is counted. If `CI` is set, that is a failure. */
function realNode(): Promise<Tally> {
  const main = join(root, 'e2e', 'real-node', 'src', 'main.ts');
  return reported('real-node', (reporters) => [main, '--', ...reporters]);
}

/** Runs a command that passes `reporters` to Vitest, and counts the tests in the report. */
async function reported(name: string, command: (reporters: readonly string[]) => readonly string[]): Promise<Tally> {
  const reportFile = join(reports, `${name}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const exitCode = await exitCodeOf(command(reporters));
  return tallyOf(readReport(reportFile), exitCode);
}

/** Builds the binaries before the tests, so that the build does not use up the time limit of a test. */
async function clusterPrograms(): Promise<Tally> {
  try {
    const { ensureBinaries } = await import('@kuperator/cluster');
    await ensureBinaries(console.log);
    return { passed: 1, failed: 0 };
  } catch (error) {
    console.error(error);
    return { passed: 0, failed: 1 };
  }
}

function readReport(file: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // Vitest ended before it could write a report.
  }
}

/** Runs a Node.js program in the root of the repository. If a signal ends it, that counts as a failure. */
function exitCodeOf(command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = process.stdout.isTTY || process.env.FORCE_COLOR ? process.env : { ...process.env, NO_COLOR: '1' };
    running = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env });
    running.on('error', reject);
    running.on('exit', (code) => resolve(code ?? 1));
  });
}
