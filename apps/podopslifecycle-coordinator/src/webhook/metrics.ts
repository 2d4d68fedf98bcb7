import type { Metrics } from '@kuperator/runtime';

export type WebhookMetrics = {
  /**
   * Counts what was not answered. `stranger`: without the token, or with a client certificate of another name; `handshake`: of TLS, e.g. without
   * a client certificate; `unfinished`: too slow, or gone; `connections`: closed for a newcomer, there were too many; `malformed`: with the
   * token, but no AdmissionReview.
   */
  rejected(reason: 'stranger' | 'handshake' | 'unfinished' | 'connections' | 'malformed'): void;
};

export function webhookMetrics(metrics: Metrics): WebhookMetrics {
  const rejected = metrics.counter({
    name: 'kuperator_podopslifecycle_webhook_rejected_total',
    help: 'Requests to the webhook, and connections, that were not answered: strangers, handshake, unfinished, connections, malformed.',
    labels: ['reason'],
  });
  return { rejected: (reason) => rejected.inc({ reason }) };
}
