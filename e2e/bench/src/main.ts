import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { measureAttacks } from './attacks/measure-attacks.ts';
import { renderAttacks } from './attacks/report.ts';
import { measureBalancers } from './balancers/measure-balancers.ts';
import { renderBalancers } from './balancers/report.ts';
import { render } from './report.ts';
import { measureScale } from './scale.ts';
import { renderScale } from './scale-report.ts';
import { measureSpeed } from './speed.ts';
import { measureVerdict } from './verdict.ts';
import { renderVerdict } from './verdict-report.ts';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number, 1 or more');
  return value;
}

const wholeNumbers = (text: string) => text.split(',').map(wholeNumber);

type Options = {
  suite: 'speed' | 'scale' | 'verdict' | 'attacks' | 'balancers';
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
    'Measures the operators: their speed against two ceilings, the effect of size and of attacks, the cost of verdicts, and the calls of a cloud.',
  )
  .addOption(
    new Option('--suite <name>', 'what to measure')
      .choices(['speed', 'scale', 'verdict', 'attacks', 'balancers'])
      .default('speed'),
  )
  .option('--pods <n>', 'speed, balancers: number of Pods of each contender', wholeNumber, 200)
  .option('--max-unavailable <value>', 'speed: add a PodTransitionRule with this budget, e.g. 20%')
  .option('--service', 'speed: add a Service over the Pods of our CollaSet, for the endpointslice-adapter', false)
  .option(
    '--sizes <n,n,…>',
    'scale: Pods of the CollaSets that are measured one after another (10,100,1000); verdict: waiting Pods (100,1000,2000)',
    wholeNumbers,
  )
  .option('--sets <n>', 'scale: number of CollaSets that are measured at once', wholeNumber, 500)
  .option('--pods-per-set <n>', 'scale: number of Pods of each of these CollaSets', wholeNumber, 2)
  .option(
    '--minutes <n>',
    'attacks: run all attacks at once for this time, instead of one after the other',
    wholeNumber,
  )
  .option('--json <file>', 'write all numbers to this file')
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
  balancers: async () => {
    const report = await measureBalancers({ pods });
    return { report, text: renderBalancers(report) };
  },
};

const { report, text } = await SUITES[suite]();
process.stdout.write(`${text}\n`);
await keep(report);
