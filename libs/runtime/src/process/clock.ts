/** Undoes a timer; does nothing once it has fired. */
export type Cancel = () => void;

/** Source of time. Everything that waits or stamps takes one, so that tests decide what time it is. */
export type Clock = {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds that never jump; only differences mean something. */
  monotonic(): number;
  /** Unix time in nanoseconds, decimal, strictly increasing within the process: values of lifecycle labels. */
  nanos(): string;
  setTimeout(run: () => void, ms: number): Cancel;
};

let lastNanos = 0n;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  nanos() {
    const nanos = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    lastNanos = nanos > lastNanos ? nanos : lastNanos + 1n;
    return lastNanos.toString();
  },
  setTimeout(run, ms) {
    // Node fires at once what is further away than it can count.
    const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once (never rejecting) when `signal` is or becomes aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
