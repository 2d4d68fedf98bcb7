import type { Metrics } from '@kuperator/runtime';

export type WebhookMetrics = {
  called(kind: 'ask' | 'poll', result: 'answered' | 'failed', seconds: number): void;
};

export function webhookMetrics(metrics: Metrics): WebhookMetrics {
  const seconds = metrics.histogram({
    name: 'kuperator_podtransitionrule_webhook_seconds',
    help: 'Duration of calls of webhook rules, by kind (ask, poll) and result (answered, failed).',
    labels: ['kind', 'result'],
  });
  return { called: (kind, result, took) => seconds.observe({ kind, result }, took) };
}
