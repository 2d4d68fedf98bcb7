import { createMetrics } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { podMetrics } from './metrics.ts';

test('ten thousand types of operations do not make ten thousand series', async () => {
  const metrics = createMetrics('test', { processMetrics: false });
  const { left } = podMetrics(metrics, () => []);
  for (let i = 0; i < 10_000; i++) left([{ stage: 'PreCheck', type: `type-${i}`, seconds: 1 }]);
  left([{ stage: 'PreCheck', type: 'update', seconds: 1 }]);
  const text = await metrics.registry.metrics();
  expect(text).toContain('type="update"');
  expect(text).toContain('type="other"');
  expect(text.length).toBeLessThan(100_000);
});
