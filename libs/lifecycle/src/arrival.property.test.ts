import { expect, test } from 'vitest';
import { checkArrivals } from './test/arrivals.ts';

// More with `npm run fuzz -w @kuperator/lifecycle -- --runs 100000 --seed 1`.
test('no operation is granted while a guarded Pod has traffic, however late the adapter learns of the traffic (5 000 runs)', () => {
  expect(checkArrivals({ runs: 5000, seed: 20261123 })).toBeGreaterThan(1000);
});
