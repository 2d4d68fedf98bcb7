import { apiVersionOf, type Key, type KubeObject } from '@kuperator/api';
import {
  ConflictError,
  type EventRecorder,
  flattenErrors,
  type Logger,
  loggedError,
  messageOf,
} from '@kuperator/runtime';
import type { Adapter, Refusal, Results } from './adapter.ts';
import { StepError } from './step-error.ts';

/** Records Kubernetes Events. */
export type Recorder = Pick<EventRecorder, 'normal' | 'warn'>;

/** What a pass reports on its employer: Events, and the adapter's own records of status and error. */
export class EmployerReports<E extends KubeObject> {
  readonly #adapter: Adapter<E>;
  readonly #recorder: Recorder;
  readonly #warned = new Map<Key, Set<string>>();
  readonly #holdProblems = new Map<Key, string>();
  /** Reasons with which the adapter itself warned in the last pass. */
  readonly #adapterReasons = new Map<Key, ReadonlySet<string>>();

  constructor(adapter: Adapter<E>, recorder: Recorder) {
    this.#adapter = adapter;
    this.#recorder = recorder;
  }

  done(employer: E, reason: string, message: string): void {
    this.#recorder.normal(this.#about(employer), reason, message);
  }

  /** Warns once for as long as the reason holds; {@link cleared} ends that. @returns whether this call has warned */
  warnOnce(key: Key, employer: E, { reason, message }: Refusal): boolean {
    const reasons = this.#warned.get(key) ?? new Set();
    if (reasons.has(reason)) return false;
    this.#warned.set(key, reasons.add(reason));
    this.#recorder.warn(this.#about(employer), reason, message);
    return true;
  }

  /** The reason no longer holds, so that it can be warned of again. @param reason all reasons if it is left out */
  cleared(key: Key, reason?: string): void {
    const reasons = this.#warned.get(key);
    if (reason !== undefined) reasons?.delete(reason);
    if (reason === undefined || reasons?.size === 0) this.#warned.delete(key);
    if (reason !== undefined) return;
    this.#holdProblems.delete(key);
    this.#adapterReasons.delete(key);
  }

  /** What the adapter warned of in a pass: the reasons of earlier passes that are not among them are over. */
  ofAdapter(key: Key, employer: E, warnings: readonly Refusal[]): void {
    const reasons = new Set(warnings.map(({ reason }) => reason));
    for (const reason of this.#adapterReasons.get(key) ?? []) if (!reasons.has(reason)) this.cleared(key, reason);
    if (reasons.size === 0) this.#adapterReasons.delete(key);
    else this.#adapterReasons.set(key, reasons);
    for (const warning of warnings) this.warnOnce(key, employer, warning);
  }

  /** Warns of a hold annotation that cannot be used, and again if the problem changes; undefined means that there is none. */
  holdProblem(key: Key, employer: E, problem: string | undefined): void {
    if (this.#holdProblems.get(key) === problem) return;
    if (problem === undefined) {
      this.#holdProblems.delete(key);
      return;
    }
    this.#holdProblems.set(key, problem);
    this.#recorder.warn(this.#about(employer), 'InvalidTrafficHold', problem);
  }

  /** Reports a failed pass. A conflict is not reported: the pass is repeated with a fresher cache. */
  async failed(employer: E, error: unknown, logger: Logger): Promise<void> {
    const news = flattenErrors(error).filter((failure) => !(failure instanceof ConflictError));
    const first = news[0];
    if (first === undefined) return;
    const more = news.length > 1 ? ` (and ${news.length - 1} more)` : '';
    const detail = `${first instanceof StepError ? first.detail : messageOf(first)}${more}`;
    const reason = first instanceof StepError ? first.reason : 'SyncEmployeesFailed';
    const message = first instanceof StepError ? `${first.message}${more}` : `sync employees failed: ${detail}`;
    this.#recorder.warn(this.#about(employer), reason, message);
    await this.#record('RecordErrorConditionsFailed', { employer, logger }, () =>
      this.#adapter.recordError?.(employer, detail),
    );
  }

  async succeeded(employer: E, results: Results | undefined, logger: Logger): Promise<void> {
    if (results) {
      await this.#record('RecordStatusesFailed', { employer, logger }, () =>
        this.#adapter.recordStatuses?.(employer, results),
      );
    }
    await this.#record('RecordErrorConditionsFailed', { employer, logger }, () =>
      this.#adapter.recordError?.(employer, undefined),
    );
  }

  /** A failure to record is reported but never replaces the outcome of the pass. */
  async #record(
    reason: string,
    { employer, logger }: { readonly employer: E; readonly logger: Logger },
    record: () => Promise<void> | undefined,
  ): Promise<void> {
    try {
      await record();
    } catch (error) {
      logger.warn({ ...loggedError(error), reason }, 'recording on the employer failed');
      this.#recorder.warn(this.#about(employer), reason, messageOf(error));
    }
  }

  /** Cached objects come from lists, in which the API server leaves out their kind. */
  #about(employer: E): E {
    const { resource } = this.#adapter.employers;
    return { ...employer, apiVersion: apiVersionOf(resource), kind: resource.kind };
  }
}
