import { expect, test } from 'vitest';
import { tableOf } from './report.ts';

test('the table shows the lost requests and the least slack', () => {
  const result = { title: 'scale', rounds: 2, seconds: 30.04, sent: 5_000, failed: 3, stops: 4 };
  const table = tableOf([
    { ...result, leastSlackMs: -12.4, mostProxyLagMs: 1_001.2 },
    { ...result, title: 'resize', stops: 0, leastSlackMs: null, mostProxyLagMs: null },
  ]);
  expect(table).toMatch(/scale .* 2 .* 30\.0 .* 3 \/ 5000 .* 4 .* -12 ms .* 1001 ms/);
  expect(table).toMatch(/resize .* 0 .* – .* –/);
});
