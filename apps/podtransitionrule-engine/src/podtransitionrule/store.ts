import { keyOf, POD_TRANSITION_RULES, type PodTransitionRule } from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import type { Clock, EventRecorder, KubeClient } from '@kuperator/runtime';
import { ignoreNotFound } from './cleanup.ts';
import { findingsIn } from './effect.ts';
import { evaluated, transitionDecided } from './events.ts';
import type { Judgement } from './judge.ts';
import type { RuleMetrics } from './metrics.ts';
import type { OwnWrites } from './own-writes.ts';
import type { RuleSettings } from './rules.ts';
import { nameOf } from './selection.ts';
import { decidedBy, restWaitMs } from './status.ts';
import { isTooLarge } from './status-size.ts';

export type StoreDeps = {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly ownWrites: OwnWrites;
  readonly events: Pick<EventBus, 'publish'>;
  readonly recorder: Pick<EventRecorder, 'warn'>;
  readonly metrics: RuleMetrics;
  readonly clock: Pick<Clock, 'now'>;
  readonly settings: RuleSettings;
};

type ToStore = {
  readonly rule: PodTransitionRule;
  readonly judgement: Judgement;
  /** How long a change that is not urgent waits for others. */
  readonly togetherMs: number;
};

/** Minimum time between two writes of changes that are not urgent. */
const REST_INTERVAL_MS = 1000;

const FULL =
  'so many Pods wait that the status would be larger than etcd stores (1.5 MiB): those that wait for the shortest time are left out of it ' +
  'until others have gone. They wait as the others do. Several rule objects with fewer Pods each have room for all';
const TOO_LARGE =
  'the status is larger than etcd stores (1.5 MiB), so no verdict can be given: let fewer Pods be selected by one rule object';

/**
 * Writes the status if it says something new, then reports it.
 * @returns milliseconds until a postponed write is due, 0 if no write was postponed; undefined if the rule object is gone
 */
export async function store(deps: StoreDeps, { rule, judgement, togetherMs }: ToStore): Promise<number | undefined> {
  const { status, change } = judgement;
  const nowMs = deps.clock.now();
  if (change === 'none') return 0;
  const waitMs = change === 'rest' ? Math.max(restWaitMs(rule.status, nowMs, REST_INTERVAL_MS), togetherMs) : 0;
  if (waitMs > 0) return waitMs;
  const written = await writeStatus(deps, rule, { ...status, updateTime: new Date(nowMs).toISOString() });
  if (!written) return undefined;
  report(deps, { rule, written, judgement });
  return 0;
}

async function writeStatus(
  { client, ownWrites, recorder }: StoreDeps,
  rule: PodTransitionRule,
  status: Judgement['status'],
): Promise<PodTransitionRule | undefined> {
  const { namespace, resourceVersion } = rule.metadata;
  // The precondition makes the writes of all engines one sequence, each computed from the one before it.
  const body = {
    metadata: { resourceVersion },
    status: { ...status, slots: status.slots ?? null, ruleStates: status.ruleStates ?? null },
  };
  const ref = { namespace, name: nameOf(rule) };
  return ownWrites.making(keyOf(rule), () =>
    client
      .patch(POD_TRANSITION_RULES, ref, { type: 'merge', body }, { subresource: 'status' })
      .catch((error: unknown) => {
        if (isTooLarge(error)) recorder.warn(rule, 'StatusTooLarge', TOO_LARGE);
        return ignoreNotFound(error);
      }),
  );
}

/** Metrics, NATS events and Kubernetes Events about a status that was written. `rule` is the object before the write. */
function report(
  { events, recorder, metrics, settings }: StoreDeps,
  stored: { readonly rule: PodTransitionRule; readonly written: PodTransitionRule; readonly judgement: Judgement },
): void {
  const { rule, written, judgement } = stored;
  const { status, leftOut, webhooks } = judgement;
  const decided = decidedBy(rule.status, status);
  metrics.decided(decided);
  for (const detail of decided) {
    const event = transitionDecided(rule, detail);
    if (event) events.publish(event);
  }
  events.publish(evaluated(written));
  if (leftOut > 0) recorder.warn(rule, 'StatusFull', FULL);
  for (const failure of webhooks.ignored) {
    recorder.warn(rule, 'WebhookIgnored', failure);
    metrics.webhookIgnored();
  }
  if (rule.status?.observedGeneration !== status.observedGeneration) {
    for (const { reason, message } of findingsIn(rule.spec, settings)) recorder.warn(rule, reason, message);
  }
}
