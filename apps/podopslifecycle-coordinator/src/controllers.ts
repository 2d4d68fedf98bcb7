import type { EventBus } from '@kuperator/events';
import type { OperatorContext } from '@kuperator/runtime';
import type { Caches } from './caches.ts';
import type { Config } from './config.ts';
import { podController } from './pod/controller.ts';
import { podDeletionController } from './pod-deletion/controller.ts';
import type { DeletionMetrics } from './pod-deletion/metrics.ts';
import { podEvictionController } from './pod-eviction/controller.ts';

/** Every controller of this operator. */
export function controllers(
  context: OperatorContext<Config>,
  events: EventBus,
  caches: Caches,
  deletion: DeletionMetrics,
) {
  return [
    podController(context, events, caches),
    podDeletionController(context, caches, deletion),
    podEvictionController(context, caches),
  ];
}
