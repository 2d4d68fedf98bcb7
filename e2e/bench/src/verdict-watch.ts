import { type Key, own, POD_TRANSITION_RULES, type Pod, type PodTransitionRule, stageLabel } from '@kuperator/api';
import { isPermitted } from '@kuperator/lifecycle';
import { createLogger, Informer, type KubeClient } from '@kuperator/runtime';
import type { PodWatch } from './pod-watch.ts';

/** The operation that begins on all Pods of the suite. */
export const OPERATION = { id: 'bench', type: 'update' };

/** Checking thousands of Pods costs more than an event, so many events share one check. */
const LOOK_MS = 50;
const TIMEOUT_MS = 600_000;

type VerdictWatchOptions = {
  readonly client: KubeClient;
  readonly pods: PodWatch;
  readonly namespace: string;
  /** Name of the rule object. */
  readonly rule: string;
};

/** An independent watch of a rule object and of its Pods. It decides when every Pod has its verdict. */
export class VerdictWatch {
  readonly #rules: Informer<PodTransitionRule>;
  readonly #pods: PodWatch;
  readonly #key: Key;

  constructor({ client, pods, namespace, rule }: VerdictWatchOptions) {
    const logger = createLogger({ app: 'bench', level: 'error' });
    this.#rules = new Informer({ client, resource: POD_TRANSITION_RULES, namespace, logger });
    this.#pods = pods;
    this.#key = `${namespace}/${rule}`;
  }

  async start(): Promise<void> {
    this.#rules.start();
    await this.#rules.waitForSync();
  }

  stop(): Promise<void> {
    return this.#rules.stop();
  }

  get rule(): PodTransitionRule | undefined {
    return this.#rules.get(this.#key);
  }

  /** Resolves once the rule object has been evaluated, at `generation` or later. */
  untilEvaluated(generation: number): Promise<void> {
    return this.#until(() => ((this.rule?.status?.observedGeneration ?? 0) < generation ? 1 : 0));
  }

  /** Resolves once the rule object, at `generation` or later, has decided on every Pod. */
  untilDecided(generation: number): Promise<void> {
    return this.#until(() => undecidedOf(this.#pods.informer.list(), this.rule, generation).length);
  }

  /** @throws Error after ten minutes, with the number that is `left` */
  async #until(left: () => number): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const count = left();
      if (count === 0) return;
      if (performance.now() > deadline) throw new Error(`${count} verdicts are still missing`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** Pods that have not passed and for which the rule object has no verdict at `generation`. */
export function undecidedOf(
  pods: readonly Pod[],
  rule: PodTransitionRule | undefined,
  generation: number,
): readonly Pod[] {
  const { observedGeneration = 0, details = [] } = rule?.status ?? {};
  if (observedGeneration < generation) return pods;
  const verdicts = new Map(details.map((detail) => [detail.uid, detail]));
  return pods.filter((pod) => {
    const since = own(pod.metadata.labels, stageLabel('pre-check', OPERATION.id));
    const operations = verdicts.get(pod.metadata.uid ?? '')?.operations ?? [];
    const named = since !== undefined && operations.some((each) => each.id === OPERATION.id && each.since === since);
    return !named && !isPermitted(pod, OPERATION.id, OPERATION.type);
  });
}
