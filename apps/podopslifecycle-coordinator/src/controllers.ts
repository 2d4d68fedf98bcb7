import type { EventBus } from '@kuperator/events';
import type { OperatorContext, OperatorPart } from '@kuperator/runtime';
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
  const deletion = deletionMetrics(context.metrics);
  return [
    { informers: [shared.pods, shared.rules, shared.services] },
    { controller: podController(context, events, shared) },
    { controller: podDeletionController(context, shared, deletion) },
    { controller: podEvictionController(context, shared) },
    { controller: podSlotController(context, shared) },
    { components: webhook(context, shared, deletion) },
  ];
}
