// The rules for the lifecycle labels of a controlled Pod. The coordinator's chart has the same rules in CEL, which the API server enforces. A
// test compares the two on a real API server.

import { PERMISSION_PREFIX, STAGE_LABELS, type StageLabel, stageLabel, stagePrefix } from '@kuperator/api';
import type { Labels } from './label-changes.ts';

/** The beginning of every refusal, as in the Go implementation. */
export const REFUSAL = 'failed to validate PodOpsLifecycleWebhook, ';

/** The stage labels that a Pod may be created with. It then starts in PreCheck. Only operators may set the other stages. */
const BEGIN_LABELS: readonly StageLabel[] = ['operating', 'operation-type', 'pre-check', 'undo-operation-type'];

/**
 * Checks the labels of a controlled Pod, whoever writes them, and returns a refusal for each broken rule. The result of `settle` never breaks
 * a rule.
 * @see podopslifecycle.md §3.1
 */
export function brokenLabelRules(labels: Labels): readonly string[] {
  const keys = Object.keys(labels).sort();
  const broken: string[] = [];
  const invalid = keys.find((key) => !key.includes('/') && STAGE_LABELS.some((stage) => key.startsWith(bare(stage))));
  if (invalid) {
    broken.push(`invalid label ${invalid}: allowed is ${invalid}/<operation id>`);
  }
  for (const [stage, twin] of [
    ['operated', 'done-operation-type'],
    ['done-operation-type', 'operated'],
  ] as const) {
    const lone = keys
      .filter((key) => key.startsWith(stagePrefix(stage)))
      .map((key) => stagePrefix(twin) + key.slice(stagePrefix(stage).length))
      .find((key) => !Object.hasOwn(labels, key));
    if (lone)
      broken.push(`not found label ${lone}: operated and done-operation-type of an id are allowed only together`);
  }
  const forged = keys
    .filter((key) => key.startsWith(stagePrefix('operate')))
    .map((key) => key.slice(stagePrefix('operate').length))
    .find(
      (id) =>
        Object.hasOwn(labels, stageLabel('operating', id)) && !Object.hasOwn(labels, stageLabel('pre-checked', id)),
    );
  if (forged) {
    const [operate, checked] = [stageLabel('operate', forged), stageLabel('pre-checked', forged)];
    broken.push(`not found label ${checked}: while an operation goes on, ${operate} is allowed only together with it`);
  }
  const has = (prefix: string) => keys.some((key) => key.startsWith(prefix));
  for (const [present, needed] of [
    [stagePrefix('pre-checked'), PERMISSION_PREFIX],
    [PERMISSION_PREFIX, stagePrefix('pre-checked')],
  ] as const) {
    if (!has(present) || has(needed)) continue;
    const [label, other] = [present.slice(0, -1), needed.slice(0, -1)];
    broken.push(`not found the expected label prefixes: map[${other}:{}]: ${label} is allowed only together with it`);
  }
  return broken.map((message) => REFUSAL + message);
}

/** The first label, by name, that only a Pod in the middle of an operation can have. On a new Pod it is forged (D17). */
export function forgedLabel(labels: Labels): string | undefined {
  const granted = STAGE_LABELS.filter((stage) => !BEGIN_LABELS.includes(stage)).map(stagePrefix);
  return Object.keys(labels)
    .sort()
    .find((key) => [...granted, PERMISSION_PREFIX].some((prefix) => key.startsWith(prefix)));
}

/** The prefix without the slash. A key that ends there has no operation id. */
function bare(stage: StageLabel): string {
  return stagePrefix(stage).slice(0, -1);
}
