import type { ApiRequest, Product } from './request.ts';

/** A failure that the server produces in place of, or after, the effect of a call. */
export type Fault = {
  /** Which calls it meets; undefined meets any. */
  action?: string;
  product?: Product;
  /** `before`: the call has no effect. `after`: it takes effect, and only the answer is lost. */
  when: 'before' | 'after';
  /** How many calls it meets; default 1. */
  times?: number;
  /** How many matching calls pass before it begins; default 0. */
  skip?: number;
  /** The answer; default 500 `InternalError`. */
  status?: number;
  code?: string;
  message?: string;
  /** Closes the connection without an answer. */
  disconnect?: boolean;
  /** Real time to wait before the answer, for timeouts of the client. */
  delayMs?: number;
};

/** The faults that are still to happen. */
export class Faults {
  readonly #pending: { fault: Fault; skip: number; times: number }[] = [];

  inject(fault: Fault): void {
    this.#pending.push({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#pending.length = 0;
  }

  /** The fault that this call meets, which it uses up. */
  take({ product, action }: Pick<ApiRequest, 'product' | 'action'>): Fault | undefined {
    const matches = ({ fault }: { fault: Fault }) =>
      (fault.action ?? action) === action && (fault.product ?? product) === product;
    const next = this.#pending.find(matches);
    if (!next) return undefined;
    if (next.skip > 0) {
      next.skip--;
      return undefined;
    }
    if (--next.times <= 0) this.#pending.splice(this.#pending.indexOf(next), 1);
    return next.fault;
  }
}
