import type { Pod } from '@kuperator/api';
import type { Component, ObjectWriter, OperatorContext, RunningOperators } from '@kuperator/runtime';
import type { Caches } from './caches.ts';
import type { Config } from './config.ts';
import { answerToCreation } from './creation/readiness-gate.ts';
import type { LeavingMetrics } from './leaving/metrics.ts';
import { leaveHandler } from './leaving/requests/handler.ts';
import { HeldRequests } from './leaving/requests/held-requests.ts';

import { webhook } from './webhook/component.ts';

/** The webhook, and which handler answers which of its paths. Empty if the settings give the webhook no port. */
export function admission(
  context: OperatorContext<Config>,
  deps: {
    readonly caches: Pick<Caches, 'pods' | 'rules'>;
    readonly writer: ObjectWriter<Pod>;
    readonly metrics: LeavingMetrics;
    readonly operators: Pick<RunningOperators, 'isRunning'>;
  },
): readonly Component[] {
  const { client, clock, config } = context;
  if (config.webhookPort === 0) return [];
  const { caches, writer, metrics, operators } = deps;
  const { pods, rules } = caches;
  const heldRequests = new HeldRequests({ pods, clock, limit: config.webhookMaxHeld });
  metrics.observeHeld(() => heldRequests.size);
  const leave = leaveHandler({
    pods,
    rules,
    writer,
    isRunning: (app) => operators.isRunning(app),
    client,
    metrics,
    clock,
    heldRequests,
    holdMs: config.webhookHoldSeconds * 1000,
    clusterNeedsMs: config.clusterNeedsSeconds * 1000,
  });
  return webhook(context, {
    answers: {
      'pod-creations': answerToCreation,
      'pod-deletions': (request, call) => leave('delete', request, call),
      'pod-evictions': (request, call) => leave('evict', request, call),
    },
    onRetire: () => heldRequests.end(),
  });
}
