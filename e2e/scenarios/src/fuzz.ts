// npm run fuzz -w @kuperator/scenarios -- --schedules N --seed S [--parallel P] [--kill]: random schedules on one real cluster.
// With --kill an operator is killed every few seconds. If a promise was broken, the exit code is 1 and the seed is printed.

import { parseArgs } from 'node:util';
import { startCluster } from '@kuperator/cluster';
import { createKubeClient } from '@kuperator/runtime';
import { OPERATORS } from './operators.ts';
import { Random } from './random.ts';
import { playSchedule } from './random-schedule.ts';

const KILL_EVERY_MS = 7000;
const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '4' },
    kill: { type: 'boolean', default: false },
  },
});
const numberOf = (option: 'schedules' | 'seed' | 'parallel') => {
  const number = Number(values[option]);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${option} ${values[option]}: must be a whole number, 1 or more`);
  return number;
};
const [schedules, first, parallel] = [numberOf('schedules'), numberOf('seed'), numberOf('parallel')];

await using cluster = await startCluster({ onProgress: console.error });
const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'schedule' });
const seeds = Array.from({ length: schedules }, (_, index) => first + index);
let failed = 0;
let granted = 0;
let running = true;

const killer = values.kill ? killOperators(new Random(first)) : Promise.resolve();
await Promise.all(Array.from({ length: parallel }, () => work()));
running = false;
await killer;
await client.close();
const kept = `${schedules - failed} of ${schedules} schedules kept every promise`;
console.log(`${kept}, ${granted} operations granted (seeds ${first} to ${first + schedules - 1})`);
process.exitCode = failed > 0 ? 1 : 0;

async function work(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const namespace = `schedule-${seed}`;
    await cluster.kubectl(['create', 'namespace', namespace]);
    const unfinished = (error: Error) => ({ broken: [error.message], grants: 0 });
    const { broken, grants } = await playSchedule(client, namespace, seed).catch(unfinished);
    granted += grants;
    if (broken.length > 0) failed++;
    console.log(broken.length === 0 ? `seed ${seed}: kept` : `seed ${seed}: BROKEN\n  ${broken.join('\n  ')}`);
    await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
  }
}

async function killOperators(random: Random): Promise<void> {
  while (running) {
    await new Promise((resolve) => setTimeout(resolve, KILL_EVERY_MS));
    const operator = random.pick(OPERATORS);
    await cluster.stop(operator, 'SIGKILL');
    await cluster.start(operator);
  }
}
