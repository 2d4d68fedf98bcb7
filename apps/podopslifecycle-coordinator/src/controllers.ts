import { PODS } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { type OperatorContext, type OperatorPart, objectWriter, RunningOperators } from '@kuperator/runtime';
import { admission } from './admission.ts';
import { caches as buildCaches } from './caches.ts';
import type { Config } from './config.ts';
import { evictionController } from './leaving/evictions/controller.ts';
import { leavingMetrics } from './leaving/metrics.ts';
import { podController } from './pod/controller.ts';

/** Every controller of this operator, the caches that they share, and the webhook. */
export function controllers(context: OperatorContext<Config>, events: EventBus): readonly OperatorPart[] {
  const { client, clock, config, logger } = context;
  const caches = buildCaches(context);
  const operators = new RunningOperators({ client, clock, logger, namespace: config.podNamespace });
  const metrics = leavingMetrics(context.metrics);
  const writer = objectWriter({ client, resource: PODS, cache: caches.pods });
  return [
    { components: [operators] },
    { informers: [caches.pods, caches.rules, caches.services] },
    { controller: podController(context, { events, caches, writer, operators, leavingMetrics: metrics }) },
    { controller: evictionController(context, { pods: caches.pods, writer }) },
    { components: admission(context, { caches, writer, metrics, operators }) },
  ];
}
