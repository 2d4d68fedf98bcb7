import { type Clock, type Logger, loggedError, messageOf, type Seldom, sleep, withoutNames } from '@kuperator/runtime';
import type { CredentialSource, Credentials } from './credentials.ts';

const CHECK_MS = 60_000;
const RETRY_MS = 1000;
/**
 * An unknown token may be one that another replica has just made, so it has the Secret read early. Clients that keep sending wrong tokens
 * cause no more than one such read in this time.
 */
const EARLY_CHECK_MS = 10_000;

type Deps = {
  readonly source: CredentialSource;
  /** Serves with the given credentials from now on. */
  readonly use: (credentials: Credentials) => Promise<void>;
  readonly seldom: Pick<Seldom, 'isNews'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
};

/** Fetches the credentials of the webhook every minute, and every second while that fails. */
export class CredentialUpkeep {
  readonly #deps: Deps;
  readonly #stop = new AbortController();
  #checkNow = new AbortController();
  #checkedMs: number;
  #problem = 'has no certificate yet';
  #running: Promise<void> | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#checkedMs = deps.clock.monotonic();
  }

  /** Why the last attempt failed; empty if it succeeded. */
  get problem(): string {
    return this.#problem;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Fetches the credentials at once, unless that has just been done. */
  checkEarly(): void {
    if (this.#deps.clock.monotonic() - this.#checkedMs >= EARLY_CHECK_MS) this.#checkNow.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#stop.signal.aborted) {
      this.#checkNow = new AbortController();
      this.#checkedMs = clock.monotonic();
      await this.#check();
      const ms = this.#problem ? RETRY_MS : CHECK_MS;
      await sleep(clock, ms, AbortSignal.any([this.#stop.signal, this.#checkNow.signal]));
    }
  }

  async #check(): Promise<void> {
    const { source, use, seldom, logger } = this.#deps;
    try {
      await use(await source());
      this.#problem = '';
    } catch (error) {
      this.#problem = messageOf(error);
      // It is tried again every second, and two failures may alternate.
      const failure = withoutNames(this.#problem);
      const isNews = seldom.isNews(`credentials: ${failure}`, failure);
      if (isNews) logger.warn(loggedError(error), 'no certificate or no token for the webhook');
    }
  }
}
