// How long something else has held a Pod than what was told of it. A rule that is edited has no verdicts for a moment, and then most
// often those it had: told at once, each of its waiting Pods would be written twice to say in the end what it said before.

/** What the last pass saw of a Pod's waits. Only remembered by the process: forgotten, what is told changes a grace time later. */
export type Seen = {
  /** What was told, or would have been; without its figures. */
  readonly told: string;
  /** Since when it is not true, ms since the epoch. Not since when the same other thing is: what flaps is to be told as well. */
  readonly untrueSinceMs?: number;
};

/**
 * @param now what is to be told now, without its figures
 * @param told what the Pod says; undefined: nothing yet
 * @param isWord somebody holds the Pod by what he said, not by his silence
 */
export function look(
  before: Seen | undefined,
  { now, told, isWord, nowMs }: { now: string; told: string | undefined; isWord: boolean; nowMs: number },
): Seen {
  // Nothing told yet: a word can be told at any time, silence only once it has lasted.
  const reference = told ?? (isWord ? now : (before?.told ?? now));
  if (reference === now) return { told: reference };
  // Told anew meanwhile, it was true then.
  const since = before?.told === reference ? before.untrueSinceMs : undefined;
  // A clock that was put back must not have it wait for longer.
  return { told: reference, untrueSinceMs: Math.min(since ?? nowMs, nowMs) };
}
