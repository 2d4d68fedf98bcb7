import { setImmediate } from 'node:timers/promises';
import {
  isTerminating,
  type Key,
  keyOf,
  POD_TRANSITION_RULES,
  type Pod,
  type PodTransitionRule,
  type PodTransitionRuleStatus,
  type TransitionRule,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import type { Clock, EventRecorder, Informer, KubeClient, Reconcile, Sight } from '@kuperator/runtime';
import type { WebhookCalls } from '../webhook/calls.ts';
import { idOf } from '../webhook/task.ts';
import { hasFinalizer, ignoreNotFound, podsShowing, removeDetails, writeFinalizer } from './cleanup.ts';
import { findingsIn } from './effect.ts';
import { evaluated, transitionDecided } from './events.ts';
import { type Judgement, judge } from './judge.ts';
import type { RuleMetrics } from './metrics.ts';
import type { OwnWrites } from './own-writes.ts';
import { type OwnerKind, ownersFrom } from './owners.ts';
import type { RuleSettings } from './rules.ts';
import { nameOf, selects } from './selection.ts';
import { decidedBy, letsMorePass, restWaitMs } from './status.ts';
import { isTooLarge } from './status-size.ts';

export type Deps = {
  readonly rules: Pick<Informer<PodTransitionRule>, 'get' | 'byIndex'>;
  readonly pods: Pick<Informer<Pod>, 'byIndex' | 'resourceVersion'>;
  /** Of all that a budget is counted from: a Pod is let pass only while it is known to be current. */
  readonly sight: Sight;
  readonly ownerKinds: readonly OwnerKind[];
  readonly client: Pick<KubeClient, 'patch'>;
  readonly ownWrites: OwnWrites;
  readonly events: Pick<EventBus, 'publish'>;
  readonly recorder: Pick<EventRecorder, 'warn'>;
  readonly metrics: RuleMetrics;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly settings: RuleSettings;
  readonly webhooks: Pick<WebhookCalls, 'outcomesFor' | 'start' | 'retain'>;
  readonly newTraceId: () => string;
};

/** How soon to look again whether the Pod cache has caught up with the last verdicts. */
const CATCH_UP_MS = 20;
/** How soon to look again whether the caches are current. */
const BLIND_MS = 1000;
/** A cache that is not current for so long is told on the rule object. */
const TELL_BLIND_MS = 10_000;
/** Least time between two writes for changes that nobody waits for. */
const REST_INTERVAL_MS = 1000;
/** Such a change waits at least so long for others: a Pod passes through its stages, and the counts follow, in several steps. */
const REST_TOGETHER_MS = 500;

const NOT_CURRENT = 'the podtransitionrule-engine cannot tell whether its cache';
const FULL =
  'so many Pods wait that the status would be larger than etcd stores (1.5 MiB): those that wait for the shortest time are left out of it ' +
  'until others have gone. They wait as the others do. Several rule objects with fewer Pods each have room for all';
const TOO_LARGE =
  'the status is larger than etcd stores (1.5 MiB), so no verdict can be given: let fewer Pods be selected by one rule object';

export function podTransitionRuleReconciler(deps: Deps): Reconcile {
  const { rules, pods, client, ownWrites, metrics, clock, settings, sight, recorder } = deps;
  const owners = ownersFrom(deps.ownerKinds, pods);
  /** Since when a rule object has a status to write that nobody waits for. */
  const restSince = new Map<Key, number>();
  /** Since when a rule object has a Pod to let pass and no current caches to do it by; undefined once that was told. */
  const blindSince = new Map<Key, number | undefined>();

  /** Says on the rule object what holds its Pods, once for each time. */
  function tellBlind(rule: PodTransitionRule, blindTo: readonly string[]): void {
    const key = keyOf(rule);
    const now = clock.monotonic();
    if (!blindSince.has(key)) blindSince.set(key, now);
    const since = blindSince.get(key);
    if (since === undefined || now - since < TELL_BLIND_MS) return;
    blindSince.set(key, undefined);
    recorder.warn(rule, 'CacheNotCurrent', `no Pod is let pass: ${NOT_CURRENT} of ${blindTo.join(', ')} is current`);
  }

  return async function reconcile(key, context) {
    const { logger } = context;
    // A watch hands over its events one by one and we are woken by the first: let it finish, so that the cache is whole
    // again (its version included) and one evaluation serves the whole bunch.
    await setImmediate();
    const known = rules.get(key);
    if (!known) {
      ownWrites.forget(key);
      restSince.delete(key);
      blindSince.delete(key);
      metrics.forget(key);
      deps.webhooks.retain(key, '', []);
      return;
    }
    const namespace = known.metadata.namespace ?? '';
    if (isTerminating(known)) {
      deps.webhooks.retain(key, '', []);
      if (!hasFinalizer(known)) return;
      await removeDetails(client, known, podsShowing(known, pods.byIndex('namespace', namespace)));
      await writeFinalizer(client, known, false);
      return;
    }
    const rule = hasFinalizer(known) ? known : await ownWrites.making(key, () => writeFinalizer(client, known, true));
    if (!rule) return;

    // Up to the verdicts nothing waits: all of the view is of one moment.
    const started = clock.monotonic();
    const present = pods.byIndex('namespace', namespace);
    const inNamespace = rules.byIndex('namespace', namespace);
    const cacheVersion = pods.resourceVersion();
    const asker = (each: TransitionRule) => ({ key, uid: rule.metadata.uid ?? '', rule: each });
    const judgement = judge({
      rule,
      pods: present,
      cacheVersion,
      rules: inNamespace,
      owners,
      settings,
      webhooks: {
        outcomesFor: (each) => deps.webhooks.outcomesFor(asker(each)),
        nowMs: clock.now(),
        newTraceId: deps.newTraceId,
      },
    });
    if (!judgement) {
      metrics.cacheBehind();
      logger.debug({ cacheVersion: cacheVersion.toString() }, 'the Pod cache is behind the last verdicts');
      return { requeueAfterMs: CATCH_UP_MS };
    }
    if (letsMorePass(rule.status, judgement.status) && !sight.isClear(namespace)) {
      const blindTo = await sight.blindTo(namespace);
      if (blindTo.length > 0) {
        tellBlind(rule, blindTo);
        logger.debug({ blindTo }, 'no Pod is let pass: caches may be old');
        return { requeueAfterMs: BLIND_MS };
      }
      // What was compared may have brought the caches forward.
      return reconcile(key, context);
    }
    blindSince.delete(key);
    metrics.evaluated(key, (clock.monotonic() - started) / 1000, judgement);

    const unselected = present.filter((pod) => !selects(rule, pod));
    const now = clock.monotonic();
    if (judgement.change === 'rest') restSince.set(key, restSince.get(key) ?? now);
    else restSince.delete(key);
    const togetherMs = REST_TOGETHER_MS - (now - (restSince.get(key) ?? now));
    const restMs = await store(deps, rule, judgement, togetherMs);
    if (restMs === undefined) return;
    if (restMs === 0) restSince.delete(key);
    const waitsMs = [restMs];
    // What a call is about is stored by now (H9), and what was answered before is no longer needed.
    deps.webhooks.retain(key, rule.metadata.uid ?? '', tasksOf(judgement.status));
    for (const { rule: each, call } of judgement.webhooks.calls) deps.webhooks.start(asker(each), call);
    const { dueAtMs } = judgement.webhooks;
    if (dueAtMs !== undefined) waitsMs.push(Math.max(1, dueAtMs - clock.now()));
    await removeDetails(client, rule, podsShowing(rule, unselected));
    const waits = waitsMs.filter((ms) => ms > 0);
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined;
  };
}

function tasksOf(status: PodTransitionRuleStatus): readonly { rule: string; id: string }[] {
  return (status.ruleStates ?? []).flatMap(({ name = '', webhookStatus }) =>
    (webhookStatus?.taskStates ?? []).map((task) => ({ rule: name, id: idOf(task) })),
  );
}

/** Writes the status if it says something new, then tells of it. @returns ms after which what was put off is due; undefined when the rule is gone */
async function store(
  deps: Deps,
  rule: PodTransitionRule,
  { status, change, leftOut, webhooks }: Judgement,
  togetherMs: number,
): Promise<number | undefined> {
  const { client, ownWrites, events, recorder, metrics, clock, settings } = deps;
  if (change === 'none') return 0;
  const waitMs = change === 'rest' ? Math.max(restWaitMs(rule.status, clock.now(), REST_INTERVAL_MS), togetherMs) : 0;
  if (waitMs > 0) return waitMs;

  const { namespace, resourceVersion } = rule.metadata;
  const updateTime = new Date(clock.now()).toISOString();
  // The precondition makes the writes of all engines one sequence, each computed from the one before it.
  const body = {
    metadata: { resourceVersion },
    status: { ...status, updateTime, slots: status.slots ?? null, ruleStates: status.ruleStates ?? null },
  };
  const ref = { namespace, name: nameOf(rule) };
  const written = await ownWrites.making(keyOf(rule), () =>
    client
      .patch(POD_TRANSITION_RULES, ref, { type: 'merge', body }, { subresource: 'status' })
      .catch((error: unknown) => {
        if (isTooLarge(error)) recorder.warn(rule, 'StatusTooLarge', TOO_LARGE);
        return ignoreNotFound(error);
      }),
  );
  if (!written) return undefined;

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
  return 0;
}
