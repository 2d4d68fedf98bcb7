import { AsyncLocalStorage } from 'node:async_hooks';

// A pass makes its requests through clients that its operator got once, at its start, many calls deep. A signal that is handed
// down by hand is missed wherever one call forgets it, and no test shows the gap: the request is sent after the Lease is lost.
// So the signal travels with the asynchronous calls of the pass, and the client is the only one that reads it.
const signals = new AsyncLocalStorage<AbortSignal | undefined>();

/** Runs a pass: every request that a `KubeClient` makes for it, however deep, ends when `signal` aborts. Watches do not. */
export function withPassSignal<T>(signal: AbortSignal, run: () => T): T {
  return signals.run(signal, run);
}

/** The signal of the pass that the caller works for; undefined outside of passes. */
export function passSignal(): AbortSignal | undefined {
  return signals.getStore();
}

/** Runs work that other passes need too, or that outlives the pass which starts it: the end of that pass does not end the work. */
export function outsidePass<T>(run: () => T): T {
  return signals.run(undefined, run);
}
