/** The phases that are measured, in order. */
export const PHASES = ['scale out', 'in-place update', 'recreate', 'scale in'] as const;
export type Phase = (typeof PHASES)[number];

/** One phase of one contender: number of Pods, and duration. */
export type Timing = { readonly pods: number; readonly seconds: number };

export function podsPerSecond({ pods, seconds }: Timing): number {
  return pods / seconds;
}

/** Seconds that `run` takes, by a monotonic clock. */
export async function timed(pods: number, run: () => Promise<void>): Promise<Timing> {
  const began = performance.now();
  await run();
  return { pods, seconds: (performance.now() - began) / 1000 };
}
