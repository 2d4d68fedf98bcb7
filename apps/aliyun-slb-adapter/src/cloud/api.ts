import { type Clock, type Metrics, sleep } from '@kuperator/runtime';
import type { Product } from './endpoint.ts';
import { CloudError, cloudErrorOf } from './errors.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { untilAborted } from './until-aborted.ts';

export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;
export type CloudCall = { readonly product: Product; readonly action: string; readonly parameters: Parameters };
/** Sends one signed call and returns the answer's JSON. Throws whatever the vendor's client throws. */
export type SendCall = (call: CloudCall) => Promise<unknown>;

export type CallOptions = {
  /** The load balancer that the call is for: load balancers take turns while calls wait for the limiter. */
  readonly queue: string;
  readonly signal: AbortSignal;
};

const MAX_ATTEMPTS = 4;
const READ_RETRY_MS = 300;

/**
 * The cloud's API with everything that every call needs: limits, repetition of what is safe to repeat, errors with a meaning. A read is
 * repeated after a failure; a write only if it certainly had no effect.
 */
export class CloudApi {
  readonly #send: SendCall;
  readonly #limiter: RateLimiter;
  readonly #clock: Clock;
  readonly #count: (api: string, code: string) => void;

  constructor(options: { send: SendCall; limiter: RateLimiter; clock: Clock; metrics: Metrics }) {
    this.#send = options.send;
    this.#limiter = options.limiter;
    this.#clock = options.clock;
    const requests = options.metrics.counter({
      name: 'kuperator_aliyun_requests_total',
      help: 'Calls of the cloud by API and by the code of their answer; OK if it was no error, empty if no answer came.',
      labels: ['api', 'code'],
    });
    this.#count = (api, code) => requests.inc({ api, code });
    options.metrics.gauge({
      name: 'kuperator_aliyun_waiting_requests',
      help: 'Calls of the cloud that wait because of its limits.',
      collect: (gauge) => gauge.set(this.#limiter.waiting),
    });
  }

  /**
   * @returns the answer's JSON object
   * @throws CloudError
   * @throws the reason of the signal; a write that was sent may still take effect
   */
  async call<T extends object>(call: CloudCall, { queue, signal }: CallOptions): Promise<T> {
    const api = `${call.product} ${call.action}`;
    const isRead = /^(Describe|List|Get)/.test(call.action);
    for (let attempt = 1; ; attempt++) {
      await this.#limiter.acquire(api, { queue, signal });
      try {
        // The vendor's client cannot be aborted: its answer is no longer waited for.
        const answer = await untilAborted(this.#send(call), signal);
        if (typeof answer !== 'object' || answer === null) {
          throw new CloudError(`${api}: the answer is not an object`, { kind: 'unclear', code: 'NotAnObject' });
        }
        this.#count(api, 'OK');
        this.#limiter.succeeded(api);
        return answer as T;
      } catch (cause) {
        signal.throwIfAborted();
        const error = cloudErrorOf(api, cause);
        this.#count(api, error.code);
        if (error.kind === 'throttled') this.#limiter.throttled(api);
        const isRepeated =
          error.kind === 'throttled' || error.kind === 'unsigned' || (isRead && error.kind === 'unclear');
        if (!isRepeated || attempt === MAX_ATTEMPTS) throw error;
        if (error.kind === 'unclear') await sleep(this.#clock, READ_RETRY_MS * attempt, signal);
      }
    }
  }
}
