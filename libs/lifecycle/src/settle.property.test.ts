import { test } from 'vitest';
import { checkFixpoints, checkInterleavings } from './test/interleavings.ts';

// More with `npm run fuzz -w @kuperator/lifecycle -- --runs 100000 --seed 1`.
test('any interleaving keeps the promises of every write, and ends in service (10 000 runs)', () => {
  checkInterleavings({ runs: 10_000, seed: 20_260_723 });
});

test('one step settles any labels, and the API server accepts the result (10 000 label sets)', () => {
  checkFixpoints({ runs: 10_000, seed: 20_260_724 });
});
