import type { Metrics } from '@kuperator/runtime';

export type WebhookMetrics = {
  /**
   * Counts a request or connection that was not answered. `stranger`: it had no valid token, or a client certificate of another name;
   * `handshake`: TLS failed, e.g. without a client certificate; `unfinished`: it was too slow, or the client went away; `connections`: there
   * were too many, and it was closed for a new one; `malformed`: it had a token, but was no AdmissionReview.
   */
  rejected(reason: 'stranger' | 'handshake' | 'unfinished' | 'connections' | 'malformed'): void;
};

export function webhookMetrics(metrics: Metrics): WebhookMetrics {
  const rejected = metrics.counter({
    name: 'kuperator_podopslifecycle_webhook_rejected_total',
    help: 'Requests and connections that the webhook did not answer, by reason: stranger, handshake, unfinished, connections, malformed.',
    labels: ['reason'],
  });
  return { rejected: (reason) => rejected.inc({ reason }) };
}
