import { ThrottledError } from '../client/errors.ts';
import { refusalIn, withoutNames } from '../client/logged-error.ts';
import type { Logger } from '../process/logger.ts';

/** Logs the failures of one watch: an API server that is away is reported once, not at every try. */
export class WatchFailures {
  readonly #logger: Logger;
  #told: string | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param failures in a row; the first one after progress is news again. @param list why the whole state is to be read, if it is */
  log(failure: unknown, failures: number, list: string | undefined): void {
    // Said for a moment of every kind whose definition has just been installed ("storage is (re)initializing").
    if (failure instanceof ThrottledError) {
      this.#logger.info({ failures, list, cause: failure.message }, 'told to come back later');
      return;
    }
    const cause = refusalIn(failure);
    if (cause === undefined) {
      this.#logger.warn({ err: failure, failures, list }, 'watch failed');
      return;
    }
    const told = withoutNames(cause);
    const isNews = failures === 1 || this.#told !== told;
    this.#told = told;
    this.#logger[isNews ? 'warn' : 'debug']({ cause, failures, list }, 'watch failed; tried again');
  }
}
