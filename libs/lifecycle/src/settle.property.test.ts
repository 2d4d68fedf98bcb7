import { test } from 'vitest';
import { checkFixpoints, checkInterleavings } from './test/interleavings.ts';

// More with `npm run fuzz -w @kuperator/lifecycle -- --runs 100000 --seed 1`.
test('any interleaving keeps the promises of every write, and reaches rest in service (10 000 runs)', () => {
  checkInterleavings({ runs: 10_000, seed: 20_260_723 });
});

test('from any labels the fixpoint is reached at once, and the API server accepts it (10 000 label sets)', () => {
  checkFixpoints({ runs: 10_000, seed: 20_260_724 });
});
