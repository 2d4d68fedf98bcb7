import { setImmediate } from 'node:timers/promises';
import {
  isTerminating,
  type Key,
  keyOf,
  type Pod,
  type PodTransitionRule,
  type PodTransitionRuleStatus,
  type TransitionRule,
} from '@kuperator/api';
import type { Clock, Informer, Logger, Reconcile, ReconcileResult, Sight } from '@kuperator/runtime';
import type { Asker, WebhookCalls } from '../webhook/calls.ts';
import { idOf } from '../webhook/task.ts';
import { hasFinalizer, podsShowing, removeDetails, writeFinalizer } from './cleanup.ts';
import { type Judgement, judge } from './judge.ts';
import { type OwnerKind, ownersFrom } from './owners.ts';
import { PassMemory } from './pass-memory.ts';
import type { Owners } from './population.ts';
import { selects } from './selection.ts';
import { letsMorePass } from './status.ts';
import { type StoreDeps, store } from './store.ts';

type Deps = StoreDeps & {
  readonly rules: Pick<Informer<PodTransitionRule>, 'get' | 'byIndex'>;
  readonly pods: Pick<Informer<Pod>, 'byIndex' | 'resourceVersion'>;
  /** Tells whether the caches that a budget depends on are current. A Pod passes only while all of them are. */
  readonly sight: Sight;
  readonly ownerKinds: readonly OwnerKind[];
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly webhooks: Pick<WebhookCalls, 'outcomesFor' | 'start' | 'retain'>;
  readonly newTraceId: () => string;
};
type PassDeps = Deps & { readonly owners: Owners; readonly memory: PassMemory };

/** When to check again whether the Pod cache has caught up with the last verdicts. */
const CATCH_UP_MS = 20;
/** When to check again whether the caches are current. */
const BLIND_MS = 1000;
/** A cache that has not been current for so long is reported on the rule object. */
const REPORT_BLIND_MS = 10_000;
/** A change that is not urgent waits at least this long for others, because a Pod passes its stages, and the counts follow, in several steps. */
const REST_TOGETHER_MS = 500;

const NOT_CURRENT = 'the podtransitionrule-engine cannot tell whether its cache';

export function podTransitionRuleReconciler(deps: Deps): Reconcile {
  const passDeps = { ...deps, owners: ownersFrom(deps.ownerKinds, deps.pods), memory: new PassMemory() };
  return async function reconcile(key, context) {
    // A watch hands over its events one by one, and the first one wakes this pass. Let the watch finish, so that the cache is whole
    // again (its version included) and one evaluation serves all of its events.
    await setImmediate();
    const known = deps.rules.get(key);
    if (!known) return forget(passDeps, key);
    if (isTerminating(known)) return cleanUp(passDeps, key, known);
    const { client, ownWrites } = deps;
    const rule = hasFinalizer(known) ? known : await ownWrites.making(key, () => writeFinalizer(client, known, true));
    if (!rule) return;
    const pass = { key, rule, logger: context.logger };
    const judged = await judgePass(passDeps, pass);
    // The comparison may have updated the caches.
    if (judged === 'repeat') return reconcile(key, context);
    return 'requeueAfterMs' in judged ? judged : actOn(passDeps, pass, judged);
  };
}

/** One pass over one rule object. */
type Pass = { readonly key: Key; readonly rule: PodTransitionRule; readonly logger: Logger };

function forget({ ownWrites, memory, metrics, webhooks }: PassDeps, key: Key): void {
  ownWrites.forget(key);
  memory.forget(key);
  metrics.forget(key);
  webhooks.retain(key, '', []);
}

/** A deleted rule object is removed once no Pod shows its verdict any more. */
async function cleanUp({ client, pods, webhooks }: PassDeps, key: Key, rule: PodTransitionRule): Promise<void> {
  webhooks.retain(key, '', []);
  if (!hasFinalizer(rule)) return;
  const inNamespace = pods.byIndex('namespace', rule.metadata.namespace ?? '');
  await removeDetails(client, rule, podsShowing(rule, inNamespace));
  await writeFinalizer(client, rule, false);
}

/**
 * Plans the pass: computes the status that the rule object should have.
 * @returns when to try again if the caches are too old for a verdict; `repeat` if they have just been updated
 */
async function judgePass(
  deps: PassDeps,
  { key, rule, logger }: Pass,
): Promise<Judgement | { requeueAfterMs: number } | 'repeat'> {
  const { rules, pods, owners, settings, sight, memory, metrics, clock } = deps;
  const namespace = rule.metadata.namespace ?? '';
  // Nothing is awaited before the verdicts, so that the whole view is from one moment.
  const started = clock.monotonic();
  const cacheVersion = pods.resourceVersion();
  const judgement = judge({
    rule,
    pods: pods.byIndex('namespace', namespace),
    cacheVersion,
    rules: rules.byIndex('namespace', namespace),
    owners,
    settings,
    webhooks: {
      outcomesFor: (each) => deps.webhooks.outcomesFor(askerFor(rule, each)),
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
    if (blindTo.length === 0) return 'repeat';
    reportBlindness(deps, rule, blindTo);
    logger.debug({ blindTo }, 'no Pod may pass: caches may be stale');
    return { requeueAfterMs: BLIND_MS };
  }
  memory.endBlindness(key);
  metrics.evaluated(key, (clock.monotonic() - started) / 1000, judgement);
  return judgement;
}

/** Stores the verdicts, then starts the calls of webhooks and removes verdicts from Pods that are no longer selected. */
async function actOn(deps: PassDeps, { key, rule }: Pass, judgement: Judgement): Promise<ReconcileResult> {
  const { client, pods, memory, clock, webhooks } = deps;
  const present = pods.byIndex('namespace', rule.metadata.namespace ?? '');
  const unselected = present.filter((pod) => !selects(rule, pod));
  const isRest = judgement.change === 'rest';
  if (!isRest) memory.endRest(key);
  const togetherMs = isRest ? REST_TOGETHER_MS - memory.restedMs(key, clock.monotonic()) : 0;
  const restMs = await store(deps, { rule, judgement, togetherMs });
  if (restMs === undefined) return;
  if (restMs === 0) memory.endRest(key);
  // The question of each call is stored now (H9), and earlier outcomes are no longer needed.
  webhooks.retain(key, rule.metadata.uid ?? '', tasksOf(judgement.status));
  for (const { rule: each, call } of judgement.webhooks.calls) webhooks.start(askerFor(rule, each), call);
  const { dueAtMs } = judgement.webhooks;
  const dueMs = dueAtMs === undefined ? 0 : Math.max(1, dueAtMs - clock.now());
  await removeDetails(client, rule, podsShowing(rule, unselected));
  const waits = [restMs, dueMs].filter((ms) => ms > 0);
  return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined;
}

/** Reports on the rule object that stale caches hold its Pods, once each time. */
function reportBlindness({ memory, recorder, clock }: PassDeps, rule: PodTransitionRule, blindTo: readonly string[]) {
  if (!memory.isBlindnessDue(keyOf(rule), clock.monotonic(), REPORT_BLIND_MS)) return;
  recorder.warn(rule, 'CacheNotCurrent', `no Pod may pass: ${NOT_CURRENT} of ${blindTo.join(', ')} is current`);
}

function askerFor(rule: PodTransitionRule, each: TransitionRule): Asker {
  return { key: keyOf(rule), uid: rule.metadata.uid ?? '', rule: each };
}

function tasksOf(status: PodTransitionRuleStatus): readonly { rule: string; id: string }[] {
  return (status.ruleStates ?? []).flatMap(({ name = '', webhookStatus }) =>
    (webhookStatus?.taskStates ?? []).map((task) => ({ rule: name, id: idOf(task) })),
  );
}
