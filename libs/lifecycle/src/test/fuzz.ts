// npm run fuzz -w @kuperator/lifecycle -- --runs N --seed S: the property tests, as often and from where one likes.

import { parseArgs } from 'node:util';
import { checkArrivals } from './arrivals.ts';
import { checkFixpoints, checkInterleavings } from './interleavings.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: String(Date.now()) } },
});
const [runs, seed] = [values.runs, values.seed].map(Number) as [number, number];
if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a whole number from 1 on is allowed`);
if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed}: a whole number is allowed`);

const checks = { interleavings: checkInterleavings, 'label sets': checkFixpoints, arrivals: checkArrivals };
for (const [what, check] of Object.entries(checks)) {
  const started = performance.now();
  check({ runs, seed });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${runs} random ${what} kept every promise (seed ${seed}, ${seconds} s)`);
}
