import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { measureAttacks } from './attacks/measure-attacks.ts';
import { renderAttacks } from './attacks/report.ts';
import { render } from './report.ts';
import { measureScale } from './scale.ts';
import { renderScale } from './scale-report.ts';
import { measureSpeed } from './speed.ts';
import { measureVerdict } from './verdict.ts';
import { renderVerdict } from './verdict-report.ts';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on is allowed');
  return value;
}

const wholeNumbers = (text: string) => text.split(',').map(wholeNumber);

type Options = {
  suite: 'speed' | 'scale' | 'verdict' | 'attacks';
  pods: number;
  maxUnavailable?: string;
  service: boolean;
  sizes?: number[];
  sets: number;
  podsPerSet: number;
  minutes?: number;
  json?: string;
};

const { suite, pods, maxUnavailable, service, sizes, sets, podsPerSet, minutes, json } = new Command('npm run bench --')
  .description(
    'Measures the operators: how fast they are beside two ceilings, how they bear size and attacks, and what a verdict costs.',
  )
  .addOption(
    new Option('--suite <name>', 'what to measure').choices(['speed', 'scale', 'verdict', 'attacks']).default('speed'),
  )
  .option('--pods <n>', 'speed: Pods each contender handles', wholeNumber, 200)
  .option('--max-unavailable <value>', 'speed: adds a PodTransitionRule with this budget, e.g. 20%')
  .option('--service', 'speed: adds a Service over the Pods of ours, for the endpointslice-adapter', false)
  .option(
    '--sizes <n,n,…>',
    'scale: Pods of the sets measured one after another (10,100,1000); verdict: waiting Pods (100,1000,2000)',
    wholeNumbers,
  )
  .option('--sets <n>', 'scale: sets measured at once', wholeNumber, 500)
  .option('--pods-per-set <n>', 'scale: Pods of each of these', wholeNumber, 2)
  .option('--minutes <n>', 'attacks: all of them at once for so long, in place of one after the other', wholeNumber)
  .option('--json <file>', 'writes all figures to this file')
  .parse()
  .opts<Options>();

const keep = async (report: object) => {
  if (json) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
};

const SUITES = {
  speed: async () => {
    const report = await measureSpeed({ pods, maxUnavailable, service });
    return { report, text: render(report) };
  },
  scale: async () => {
    const report = await measureScale({ sizes: sizes ?? [10, 100, 1000], sets, podsPerSet });
    return { report, text: renderScale(report) };
  },
  verdict: async () => {
    const report = await measureVerdict({ sizes: sizes ?? [100, 1000, 2000] });
    return { report, text: renderVerdict(report) };
  },
  attacks: async () => {
    const report = await measureAttacks({ minutes, onLook: keep });
    return { report, text: renderAttacks(report) };
  },
};

const { report, text } = await SUITES[suite]();
process.stdout.write(`${text}\n`);
await keep(report);
