import type { EventBus } from '@kuperator/events';
import { type OperatorContext, type OperatorPart, RunningOperators } from '@kuperator/runtime';
import { caches } from './caches.ts';
import type { Config } from './config.ts';
import { podController } from './pod/controller.ts';
import { podDeletionController } from './pod-deletion/controller.ts';
import { deletionMetrics } from './pod-deletion/metrics.ts';
import { podEvictionController } from './pod-eviction/controller.ts';
import { podSlotController } from './pod-slot/controller.ts';
import { webhook } from './webhook/component.ts';

/** Every controller of this operator, the caches they share, and the webhook. */
export function controllers(context: OperatorContext<Config>, events: EventBus): readonly OperatorPart[] {
  const shared = caches(context);
  const { client, clock, config, logger } = context;
  const operators = new RunningOperators({ client, clock, logger, namespace: config.podNamespace });
  const deletion = deletionMetrics(context.metrics);
  return [
    { components: [operators] },
    { informers: [shared.pods, shared.rules, shared.services] },
    { controller: podController(context, events, shared, operators) },
    { controller: podDeletionController(context, shared, deletion) },
    { controller: podEvictionController(context, shared) },
    { controller: podSlotController(context, shared) },
    { components: webhook(context, shared, deletion, operators) },
  ];
}
