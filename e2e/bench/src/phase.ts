/** What is measured, in the order it is run. */
export const PHASES = ['scale out', 'in-place update', 'recreate', 'scale in'] as const;
export type Phase = (typeof PHASES)[number];

/** One phase of one contender: how many Pods, how long. */
export type Timing = { readonly pods: number; readonly seconds: number };

export function podsPerSecond({ pods, seconds }: Timing): number {
  return pods / seconds;
}

/** Seconds that `run` takes, by a clock that never jumps. */
export async function timed(pods: number, run: () => Promise<void>): Promise<Timing> {
  const began = performance.now();
  await run();
  return { pods, seconds: (performance.now() - began) / 1000 };
}
