/** Label changes of a merge patch: a string sets, `null` removes. */
export type LabelChanges = Record<string, string | null>;
export type Labels = Readonly<Record<string, string>>;

/** What a merge patch must say to get from `before` to `after`. */
export function diffLabels(before: Labels, after: Labels): LabelChanges {
  const changes: LabelChanges = {};
  for (const key of Object.keys(before)) if (!(key in after)) changes[key] = null;
  for (const [key, value] of Object.entries(after)) if (before[key] !== value) changes[key] = value;
  return changes;
}

/** `labels` with `changes` applied, as the API server would apply a merge patch. */
export function applyLabels(labels: Labels, changes: LabelChanges): Record<string, string> {
  const after = { ...labels };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete after[key];
    else after[key] = value;
  }
  return after;
}

export function isEmpty(changes: LabelChanges): boolean {
  for (const _ in changes) return false;
  return true;
}
