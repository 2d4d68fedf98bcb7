// The world of the simulations: engines with stale caches, a coordinator that may act on any verdict that was ever stored, and operations that
// begin and end in any order.

import {
  controllerOf,
  isTerminating,
  own,
  type Pod,
  type PodTransitionRule,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
} from '@kuperator/api';
import { judge } from '../podtransitionrule/judge.ts';
import type { Owners } from '../podtransitionrule/population.ts';
import { selects } from '../podtransitionrule/selection.ts';
import { aPod, EVERYTHING_EVALUATED, NAMESPACE, UNANSWERED } from './samples.ts';

export const IDS = ['update', 'restart'];

/** How many of the changes of Pods, and of the writes of each rule object, an engine has seen. */
export type Engine = { seen: number; readonly rules: number[] };
type Change = { key: string; pod: Pod | undefined; version: number };

export class World {
  /** Every change of a Pod, in order. A cache contains a prefix of this list. */
  readonly log: Change[] = [];
  /** Every version of each rule object that was stored. */
  readonly histories: PodTransitionRule[][];
  readonly engines: readonly Engine[];
  readonly podCount: number;
  readonly guarded: boolean;
  #version = 0;
  #nanos = 1_000_000;
  #uids = 0;

  /** `guarded`: the status contains the Pod version of the last verdicts, as in the real engine. */
  constructor(options: { rules: readonly PodTransitionRule[]; podCount: number; guarded?: boolean }) {
    this.guarded = options.guarded ?? true;
    this.podCount = options.podCount;
    this.histories = options.rules.map((rule) => [rule]);
    this.engines = [0, 1].map(() => ({ seen: 0, rules: options.rules.map(() => 0) }));
    for (let index = 0; index < this.podCount; index++) this.#create(index, true);
  }

  pods(upTo = this.log.length): Map<string, Pod> {
    const pods = new Map<string, Pod>();
    for (const { key, pod } of this.log.slice(0, upTo)) {
      if (pod) pods.set(key, pod);
      else pods.delete(key);
    }
    return pods;
  }

  /** Pods of `tier` that do not serve, including missing ones. */
  down(tier?: 'odd' | 'even'): number {
    const counts = Array.from({ length: this.podCount }, (_, index) => index).filter(
      (index) => tier === undefined || tierOf(index) === tier,
    );
    const pods = this.pods();
    const isUp = (pod: Pod | undefined) => pod && has(pod, SERVICE_AVAILABLE_LABEL) && !isTerminating(pod);
    return counts.filter((index) => !isUp(pods.get(keyFor(index)))).length;
  }

  isBusy(): boolean {
    return [...this.pods().values()].some((pod) => IDS.some((id) => has(pod, stageLabel('operating', id))));
  }

  begin(index: number, id: string): void {
    const pod = this.pods().get(keyFor(index));
    if (!pod || has(pod, stageLabel('operating', id)) || isTerminating(pod)) return;
    // The values are far enough apart that a renewed one never equals that of a later operation, as with nanoseconds.
    this.#nanos += 1000;
    const now = String(this.#nanos);
    this.#write(pod, { [stageLabel('operating', id)]: now, [stageLabel('pre-check', id)]: now });
  }

  cancel(index: number, id: string): void {
    const pod = this.pods().get(keyFor(index));
    if (pod) this.#end(pod, id);
  }

  /**
   * The coordinator lets a Pod pass if every rule object that selects the Pod allows it, by verdicts that were stored up to `ages` writes
   * ago. Its own write requires the version of the Pod.
   */
  grant(index: number, ages: readonly number[] = []): void {
    const pod = this.pods().get(keyFor(index));
    if (!pod) return;
    const selecting = this.histories.flatMap((history, object) => {
      const rule = history[Math.max(0, history.length - 1 - (ages[object] ?? 0))];
      return rule && selects(rule, pod) ? [rule] : [];
    });
    const allowed = selecting.map((rule) => {
      const { metadata } = pod;
      const detail = rule.status?.details?.find(({ name, uid }) => name === metadata.name && uid === metadata.uid);
      return (detail?.passed ? detail.operations : []) ?? [];
    });
    for (const id of IDS) {
      const since = own(pod.metadata.labels, stageLabel('pre-check', id));
      if (since === undefined) continue;
      const names = (operation: { id: string; since: string }) => operation.id === id && operation.since === since;
      if (!allowed.every((operations) => operations.some(names))) continue;
      this.#write(pod, {
        [stageLabel('pre-check', id)]: undefined,
        [stageLabel('operate', id)]: since,
        [SERVICE_AVAILABLE_LABEL]: undefined,
      });
      return;
    }
  }

  /** The coordinator makes the operations begin another run, a nanosecond younger, so that no earlier verdict applies to them. */
  renew(index: number): void {
    const pod = this.pods().get(keyFor(index));
    if (!pod || isTerminating(pod) || IDS.some((id) => has(pod, stageLabel('operate', id)))) return;
    const waiting = IDS.map((id) => stageLabel('pre-check', id)).filter((label) => has(pod, label));
    const renewed = waiting.map((label) => [label, String(BigInt(own(pod.metadata.labels, label) ?? 0) + 1n)]);
    if (waiting.length > 0) this.#write(pod, Object.fromEntries(renewed));
  }

  /** The user changes a rule object. */
  edit(object: number, spec: PodTransitionRule['spec']): void {
    const history = this.histories[object];
    const rule = history?.at(-1);
    if (rule)
      history?.push({ ...rule, metadata: { ...rule.metadata, generation: (rule.metadata.generation ?? 0) + 1 }, spec });
  }

  /** Ends one granted operation. After the last one the Pod serves again. */
  finish(index: number, id: string): void {
    const pod = this.pods().get(keyFor(index));
    if (pod && has(pod, stageLabel('operate', id))) this.#end(pod, id);
  }

  /** The operation was the deletion of the Pod. Its owner creates another Pod of the same name. */
  remove(index: number): void {
    const pod = this.pods().get(keyFor(index));
    if (!pod || has(pod, SERVICE_AVAILABLE_LABEL)) return;
    if (isTerminating(pod)) this.#append(keyFor(index), undefined);
    else if (IDS.some((id) => has(pod, stageLabel('operate', id)))) {
      this.#append(keyFor(index), { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    }
  }

  create(index: number): void {
    if (!this.pods().has(keyFor(index))) this.#create(index, false);
  }

  serve(index: number): void {
    const pod = this.pods().get(keyFor(index));
    const busy = pod && IDS.some((id) => has(pod, stageLabel('operating', id)));
    if (pod && !busy && !isTerminating(pod)) this.#write(pod, { [SERVICE_AVAILABLE_LABEL]: '1' });
  }

  /** Changes whether the Pod passes the label check of the rule, so that the Pod that waits longest is not always the first to pass. */
  will(index: number, willing: boolean): void {
    const pod = this.pods().get(keyFor(index));
    if (pod) this.#write(pod, { willing: String(willing) });
  }

  seePods(engine: Engine, changes: number): void {
    engine.seen = Math.min(this.log.length, engine.seen + changes);
  }

  seeRule(engine: Engine, object: number): void {
    engine.rules[object] = (this.histories[object]?.length ?? 0) - 1;
  }

  /** `putOff`: true if it is too soon to write changes that are not urgent. */
  evaluate(engine: Engine, object: number, putOff: boolean): void {
    const known = this.histories.flatMap((history, each) => history[engine.rules[each] ?? 0] ?? []);
    const rules = this.guarded ? known : known.map(withoutObservedVersion);
    const [stored, rule] = [known[object], rules[object]];
    if (!stored || !rule) return;
    const pods = [...this.pods(engine.seen).values()];
    const owners: Owners = {
      wanted: () => this.podCount,
      owned: (uid) => pods.filter((pod) => controllerOf(pod)?.uid === uid),
    };
    const cacheVersion = BigInt(this.log[engine.seen - 1]?.version ?? 0);
    const settings = EVERYTHING_EVALUATED;
    const judgement = judge({ rule, pods, cacheVersion, rules, owners, settings, webhooks: UNANSWERED });
    // The write requires the version from which it was computed. It is refused if another version is stored.
    const history = this.histories[object] ?? [];
    if (!judgement || judgement.change === 'none' || engine.rules[object] !== history.length - 1) return;
    if (judgement.change === 'rest' && putOff) return;
    history.push({ ...stored, status: judgement.status });
    this.seeRule(engine, object);
  }

  /** The caches catch up, the engines evaluate, and every operation that may continue does. */
  catchUp(): void {
    for (const engine of this.engines) {
      this.seePods(engine, Number.POSITIVE_INFINITY);
      for (const object of this.histories.keys()) this.seeRule(engine, object);
      for (const object of this.histories.keys()) this.evaluate(engine, object, false);
    }
    for (let index = 0; index < this.podCount; index++) {
      this.create(index);
      this.will(index, true);
      for (const id of IDS) this.finish(index, id);
      this.remove(index);
      this.create(index);
      this.serve(index);
      this.grant(index);
    }
  }

  #create(index: number, available: boolean): void {
    const uid = `uid-${++this.#uids}`;
    this.#append(
      keyFor(index),
      aPod({ name: `p${index}`, uid, available, owner: 'set', labels: { willing: 'true', tier: tierOf(index) } }),
    );
  }

  #end(pod: Pod, id: string): void {
    this.#write(pod, {
      [stageLabel('operating', id)]: undefined,
      [stageLabel('pre-check', id)]: undefined,
      [stageLabel('operate', id)]: undefined,
    });
  }

  #write(pod: Pod, changes: Record<string, string | undefined>): void {
    const labels = Object.entries({ ...pod.metadata.labels, ...changes }).filter(([, value]) => value !== undefined);
    this.#append(`${NAMESPACE}/${pod.metadata.name}`, {
      ...pod,
      metadata: { ...pod.metadata, labels: Object.fromEntries(labels) as Record<string, string> },
    });
  }

  #append(key: string, pod: Pod | undefined): void {
    const version = ++this.#version;
    const stored = pod && { ...pod, metadata: { ...pod.metadata, resourceVersion: String(version) } };
    this.log.push({ key, pod: stored, version });
  }
}

function withoutObservedVersion(rule: PodTransitionRule): PodTransitionRule {
  if (!rule.status) return rule;
  const { observedPodResourceVersion: _, ...status } = rule.status;
  return { ...rule, status };
}

function has(each: Pod, label: string): boolean {
  return own(each.metadata.labels, label) !== undefined;
}

function keyFor(index: number): string {
  return `${NAMESPACE}/p${index}`;
}

function tierOf(index: number): 'odd' | 'even' {
  return index % 2 === 0 ? 'even' : 'odd';
}
