// Tracks how long the reason that a Pod reports has been out of date. For a moment after an edit, a rule has no verdicts, and then it mostly has
// the same ones as before. If each change were reported at once, every waiting Pod would be written twice to report the same in the end.

/** What the last reconcile found out about a Pod's waits. It is kept in memory only: after a restart, the grace time begins again. */
export type Reported = {
  /** What the Pod reports, or would have reported, without the figures in it. */
  readonly text: string;
  /** Since when the text is out of date, in ms since the epoch. It does not restart when the true reason changes, so a flapping one is reported. */
  readonly outdatedSinceMs?: number;
};

/**
 * @param before result of the last call for this Pod
 * @param now what is to be reported now, without figures
 * @param text what the Pod reports; undefined if it reports nothing yet
 * @param isExplicit true if the holder refused explicitly, false if it has not answered yet
 */
export function track(
  before: Reported | undefined,
  { now, text, isExplicit, nowMs }: { now: string; text: string | undefined; isExplicit: boolean; nowMs: number },
): Reported {
  // While the Pod reports nothing, an explicit refusal can be reported at any time, and a missing answer only after the grace time.
  const reference = text ?? (isExplicit ? now : (before?.text ?? now));
  if (reference === now) return { text: reference };
  // If the Pod has reported another text since the last call, that text was true when it was written.
  const since = before?.text === reference ? before.outdatedSinceMs : undefined;
  // If the clock was set back, the grace time must not become longer.
  return { text: reference, outdatedSinceMs: Math.min(since ?? nowMs, nowMs) };
}
