/** What `work` resolves to, or the reason of `signal` as soon as it aborts. The work itself goes on: others may share it. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {});
    return Promise.reject(signal.reason);
  }
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  return promise;
}
