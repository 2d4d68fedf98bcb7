import { ThrottledError } from '../client/errors.ts';
import { refusalIn, withoutNames } from '../client/logged-error.ts';
import type { Logger } from '../process/logger.ts';

/** Logs the failures of one watch: an API server that is unreachable is reported once, not at every attempt. */
export class WatchFailures {
  readonly #logger: Logger;
  #told: string | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param failures in a row; 1 after progress. @param list why the whole state must be read, if it must */
  log(failure: unknown, failures: number, list: string | undefined): void {
    // The API server throttles every kind whose definition has just been installed ("storage is (re)initializing").
    if (failure instanceof ThrottledError) {
      this.#logger.info({ failures, list, cause: failure.message }, 'the API server throttles the watch');
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
