import type { Metrics } from '@kuperator/runtime';
import type { Asking } from './asked.ts';

export type DeletionMetrics = {
  /** Counts one request of a client by what it was told. */
  answered(what: Asking, answer: string): void;
  /** Counts one step taken on a Pod that is to go. */
  stepped(step: 'begin' | 'delete' | 'let-go' | 'cancel'): void;
  /** Where to find out how many requests are held now. */
  observeHeld(count: () => number): void;
};

export function deletionMetrics(metrics: Metrics): DeletionMetrics {
  const requests = metrics.counter({
    name: 'kuperator_poddeletion_requests_total',
    help: 'Deletions and evictions of controlled Pods asked for: told to come back (wait), refused for good, or why they were let through.',
    labels: ['request', 'answer'],
  });
  const steps = metrics.counter({
    name: 'kuperator_poddeletion_steps_total',
    help: 'Drains begun and cancelled, and Pods deleted, besides what clients do themselves.',
    labels: ['step'],
  });
  return {
    answered: (request, answer) => requests.inc({ request, answer }),
    stepped: (step) => steps.inc({ step }),
    observeHeld(count) {
      metrics.gauge({
        name: 'kuperator_poddeletion_requests_held',
        help: 'Deletions and evictions that are held now, for their Pods may go in a moment.',
        collect: (gauge) => gauge.set(count()),
      });
    },
  };
}
