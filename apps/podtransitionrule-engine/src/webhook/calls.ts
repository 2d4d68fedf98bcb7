import { type Key, type Pod, splitKey, type TransitionRule } from '@kuperator/api';
import { type Clock, type Logger, messageOf } from '@kuperator/runtime';
import { type Polled, readAsked, readPolled } from './answer.ts';
import { FairQueue } from './fair-queue.ts';
import type { SendRequest } from './http.ts';
import type { WebhookMetrics } from './metrics.ts';
import type { AskedAbout, Outcome, Outcomes } from './outcome.ts';
import type { WebhookCall } from './plan.ts';
import { pollUrl, type QuestionResource, questionAbout, resourceFor } from './question.ts';

/** The rule object and its rule for which a webhook is called. */
export type Asker = { readonly key: Key; readonly uid: string; readonly rule: TransitionRule };

type Entry = { asked?: Outcome<AskedAbout>; polled?: Outcome<Polled> };

/** Limits the size of one question, and so the memory of each running call. Pods that do not fit are part of the next question. */
export const MAX_QUESTION_BYTES = 4 * 2 ** 20;
/** Whole Pods in memory at a time while their parameters are read: a Pod can have 1.5 MiB. */
const READ_TOGETHER = 8;

/**
 * Calls webhooks outside of the passes, so that an approver that hangs delays no other Pod. A pass starts calls. The
 * outcome of a call wakes the rule object and is kept here until a pass has stored what follows from it.
 */
export class WebhookCalls {
  readonly #send: SendRequest;
  readonly #readPods: (key: Key, rule: TransitionRule, names: readonly string[]) => Promise<readonly Pod[]>;
  readonly #onOutcome: (key: Key) => void;
  readonly #isOurs: (key: Key) => boolean;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #logger: Logger;
  readonly #metrics: WebhookMetrics;
  readonly #queues: Readonly<Record<WebhookCall['kind'], FairQueue>>;
  readonly #stop = new AbortController();
  /** By rule object, rule and task. */
  readonly #entries = new Map<Key, Map<string, Entry>>();

  constructor(options: {
    send: SendRequest;
    /** The Pods with these names that exist, with every field that parameters may refer to. */
    readPods: (key: Key, rule: TransitionRule, names: readonly string[]) => Promise<readonly Pod[]>;
    onOutcome: (key: Key) => void;
    /** Whether this replica still works on the rule object. */
    isOurs: (key: Key) => boolean;
    /** Limit of concurrent questions, and separately of concurrent polls, for all rules together. */
    maxCalls: number;
    clock: Pick<Clock, 'now' | 'monotonic'>;
    logger: Logger;
    metrics: WebhookMetrics;
  }) {
    this.#send = options.send;
    this.#readPods = options.readPods;
    this.#onOutcome = options.onOutcome;
    this.#isOurs = options.isOurs;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#metrics = options.metrics;
    this.#queues = { ask: new FairQueue(options.maxCalls), poll: new FairQueue(options.maxCalls) };
  }

  /** The outcomes of the calls for a rule. */
  outcomesFor({ key, uid, rule }: Asker): Outcomes {
    const entryOf = (id: string) => this.#entries.get(key)?.get(nameFor(uid, rule.name, id));
    return { asked: (id) => entryOf(id)?.asked, polled: (id) => entryOf(id)?.polled };
  }

  /** Starts a call unless one like it is under way. */
  start({ key, uid, rule }: Asker, call: WebhookCall): void {
    const entries = this.#entries.get(key) ?? new Map<string, Entry>();
    this.#entries.set(key, entries);
    const name = nameFor(uid, rule.name, call.id);
    const entry = entries.get(name) ?? {};
    entries.set(name, entry);
    if (call.kind === 'ask') {
      this.#run<AskedAbout>(key, call, {
        url: rule.webhook?.clientConfig.url,
        before: entry.asked,
        store: (outcome) => {
          entry.asked = outcome;
        },
        job: () => this.#ask(key, rule, call),
      });
    } else {
      this.#run<Polled>(key, call, {
        url: rule.webhook?.clientConfig.poll?.url,
        before: entry.polled,
        store: (outcome) => {
          entry.polled = outcome;
        },
        job: () => this.#poll(rule, call),
      });
    }
  }

  /** Forgets the outcomes of a rule object, except those of the tasks in its status. */
  retain(key: Key, uid: string, tasks: readonly { rule: string; id: string }[]): void {
    const entries = this.#entries.get(key);
    if (!entries) return;
    const kept = new Set(tasks.map(({ rule, id }) => nameFor(uid, rule, id)));
    for (const name of entries.keys()) if (!kept.has(name)) entries.delete(name);
    if (entries.size === 0) this.#entries.delete(key);
  }

  /** Cancels the running calls. They are repeated after a restart. */
  stop(): void {
    this.#stop.abort(new Error('stopping'));
  }

  #run<Answer>(key: Key, { kind }: WebhookCall, { url, before, store, job }: Run<Answer>): void {
    if (before?.running) return;
    store({ ...before, running: true });
    // An approver that hangs must not use up the calls of others, whether one rule object calls it often or many do. Nor may the approvers
    // of one namespace use up the calls of another.
    const namespace = splitKey(key).namespace ?? '';
    const run = async (): Promise<void> => {
      // Meanwhile another replica has taken over the rule object, and calls the webhook itself.
      if (this.#stop.signal.aborted || !this.#isOurs(key)) return store({ ...before, running: false });
      const startedAt = this.#clock.monotonic();
      try {
        const answer = await job();
        store({ running: false, last: { state: 'answered', atMs: this.#clock.now(), answer } });
        this.#metrics.called(kind, 'answered', (this.#clock.monotonic() - startedAt) / 1000);
      } catch (cause) {
        const error = messageOf(cause);
        const failures = before?.last?.state === 'failed' ? before.last.failures + 1 : 1;
        store({ running: false, last: { state: 'failed', atMs: this.#clock.now(), error, failures } });
        this.#metrics.called(kind, 'failed', (this.#clock.monotonic() - startedAt) / 1000);
        this.#logger.info({ key, kind, failures, err: cause }, 'webhook failed');
      }
      if (!this.#stop.signal.aborted) this.#onOutcome(key);
    };
    this.#queues[kind].add({ namespace, sharers: [`rule object ${key}`, `host ${hostOf(url)}`], run });
  }

  async #ask(
    key: Key,
    rule: TransitionRule,
    { id, names }: Extract<WebhookCall, { kind: 'ask' }>,
  ): Promise<AskedAbout> {
    const { url = '', caBundle } = rule.webhook?.clientConfig ?? {};
    const { resources, tooLarge, notYet } = await this.#resourcesFor(key, rule, names);
    const [first] = tooLarge;
    if (resources.length === 0 && first !== undefined) {
      const message = `the parameters of Pod ${first} have more than the ${MAX_QUESTION_BYTES / 2 ** 20} MiB that a question may have`;
      return { success: false, message, about: tooLarge };
    }
    const body = questionAbout(resources, rule, id);
    const answer = readAsked(await this.#send({ method: 'POST', url, caBundle, body, signal: this.#stop.signal }));
    const left = new Set([...tooLarge, ...notYet]);
    return { ...answer, about: left.size === 0 ? undefined : names.filter((name) => !left.has(name)) };
  }

  /** The Pods of a question, up to its size limit: `notYet` go into the next question, `tooLarge` do not fit into any. */
  async #resourcesFor(
    key: Key,
    rule: TransitionRule,
    names: readonly string[],
  ): Promise<{ resources: QuestionResource[]; tooLarge: string[]; notYet: readonly string[] }> {
    const resources: QuestionResource[] = [];
    const tooLarge: string[] = [];
    let left = MAX_QUESTION_BYTES;
    for (let at = 0; at < names.length; at += READ_TOGETHER) {
      const together = names.slice(at, at + READ_TOGETHER);
      for (const pod of await this.#readPods(key, rule, together)) {
        const { name = '' } = pod.metadata;
        const found = resourceFor(pod, rule, MAX_QUESTION_BYTES);
        if (!found) {
          tooLarge.push(name);
          continue;
        }
        if (found.bytes > left) return { resources, tooLarge, notYet: names.slice(names.indexOf(name)) };
        left -= found.bytes;
        resources.push(found.resource);
      }
    }
    return { resources, tooLarge, notYet: [] };
  }

  async #poll({ webhook }: TransitionRule, { taskId }: Extract<WebhookCall, { kind: 'poll' }>): Promise<Polled> {
    const poll = webhook?.clientConfig.poll;
    if (!poll) throw new Error('the rule has no clientConfig.poll');
    const { caBundle } = poll;
    return readPolled(
      await this.#send({ method: 'GET', url: pollUrl(poll, taskId), caBundle, signal: this.#stop.signal }),
    );
  }
}

/** One call: where it goes, how the last one like it ended, where its outcome is kept, and what it does. */
type Run<Answer> = {
  readonly url: string | undefined;
  readonly before: Outcome<Answer> | undefined;
  readonly store: (outcome: Outcome<Answer>) => void;
  readonly job: () => Promise<Answer>;
};

function hostOf(url = ''): string {
  return URL.parse(url)?.host ?? url;
}

function nameFor(uid: string, rule: string, id: string): string {
  return JSON.stringify([uid, rule, id]);
}
