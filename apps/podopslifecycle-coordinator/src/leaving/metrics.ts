import type { Metrics } from '@kuperator/runtime';
import type { Departure } from './request-notes.ts';

export type LeavingMetrics = {
  /** Counts one request of a client by its answer. */
  answered(departure: Departure, answer: string): void;
  /** Counts one step that the coordinator took with a Pod that leaves. */
  stepped(step: 'begin' | 'delete' | 'let-go' | 'cancel'): void;
  /** Has each scrape report how many requests are held. */
  observeHeld(count: () => number): void;
};

export function leavingMetrics(metrics: Metrics): LeavingMetrics {
  const requests = metrics.counter({
    name: 'kuperator_poddeletion_requests_total',
    help: 'Requests to delete or evict controlled Pods, by answer: the client is to come back (wait), it is refused for good, or why it was allowed.',
    labels: ['request', 'answer'],
  });
  const steps = metrics.counter({
    name: 'kuperator_poddeletion_steps_total',
    help: 'Drains that the coordinator began or cancelled, and Pods that it deleted. Deletions by clients are not counted.',
    labels: ['step'],
  });
  return {
    answered: (request, answer) => requests.inc({ request, answer }),
    stepped: (step) => steps.inc({ step }),
    observeHeld(count) {
      metrics.gauge({
        name: 'kuperator_poddeletion_requests_held',
        help: 'Requests to delete or evict a Pod that are held at the moment, because the Pod may leave soon.',
        collect: (gauge) => gauge.set(count()),
      });
    },
  };
}
