import { own, setOwn } from '@kuperator/api';
/** Label changes of a merge patch: a string sets, `null` removes. */
export type LabelChanges = Record<string, string | null>;
/** Labels of an object, by key. */
export type Labels = Readonly<Record<string, string>>;

/** The label changes of a merge patch that turns `before` into `after`. */
export function diffLabels(before: Labels, after: Labels): LabelChanges {
  const changes: LabelChanges = {};
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) setOwn(changes, key, null);
  for (const [key, value] of Object.entries(after)) if (own(before, key) !== value) setOwn(changes, key, value);
  return changes;
}

/** `labels` with `changes` applied, as the API server would apply a merge patch. */
export function applyLabels(labels: Labels, changes: LabelChanges): Record<string, string> {
  const after = { ...labels };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete after[key];
    else setOwn(after, key, value);
  }
  return after;
}

/** True if there is nothing to write. */
export function isEmpty(changes: LabelChanges): boolean {
  for (const _ in changes) return false;
  return true;
}
