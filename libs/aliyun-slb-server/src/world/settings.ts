/** How the server behaves. All times are in the time of the model, which `advance` moves. */
export type SlbSettings = {
  /** How long a CLB instance refuses writes after a write; default 0. */
  configuringMs: number;
  /** How long a job of NLB takes; default 0: it has succeeded by the next call. */
  jobMs: number;
  /** From the addition of a backend to its first passed health check; default 0. */
  healthDelayMs: number;
  /** By how much reads lag behind writes; default 0. */
  staleReadMs: number;
  /** Most backends in one call of CLB; default 20, as documented. Some accounts accept 40. */
  clbBatchLimit: number;
  /** Most servers in one call of NLB; default 200. */
  nlbBatchLimit: number;
  /** Most backends of one CLB instance, over all its groups; default 200. */
  backendsPerInstance: number;
  /** How often one server may be a backend in CLB; default 50. */
  backendsPerServer: number;
  /** Most listeners of one instance; default 50. */
  listenersPerInstance: number;
};

export const DEFAULT_SETTINGS: Readonly<SlbSettings> = {
  configuringMs: 0,
  jobMs: 0,
  healthDelayMs: 0,
  staleReadMs: 0,
  clbBatchLimit: 20,
  nlbBatchLimit: 200,
  backendsPerInstance: 200,
  backendsPerServer: 50,
  listenersPerInstance: 50,
};
