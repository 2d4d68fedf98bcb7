/** Cancels a timer; does nothing after the timer has fired. */
export type Cancel = () => void;

/** A source of time. Code that waits or reads the time takes a clock, so that tests control it. */
export type Clock = {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds of a clock that never jumps; only differences are meaningful. */
  monotonic(): number;
  /** Unix time in nanoseconds, decimal, strictly increasing within the process: values of lifecycle labels. */
  nanos(): string;
  setTimeout(run: () => void, ms: number): Cancel;
};

let lastNanos = 0n;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  nanos() {
    const nanos = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    lastNanos = nanos > lastNanos ? nanos : lastNanos + 1n;
    return lastNanos.toString();
  },
  setTimeout(run, ms) {
    // Node.js fires a timer at once if its delay exceeds 32 bits.
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
