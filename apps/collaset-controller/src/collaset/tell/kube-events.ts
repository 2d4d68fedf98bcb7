import type { CollaSet } from '@kuperator/api';
import { ACTIONS, type IsNews, type Report, type Row } from '../act/actions.ts';
import type { Deps } from '../act/deps.ts';
import type { Done } from '../act/run.ts';
import type { Action, ActionKind, ActionOf } from '../plan/action.ts';
import type { ConditionUpdate } from './conditions.ts';

/**
 * Records Kubernetes Events for what the pass did and what it waits for, and for conditions that report a failure. All actions of a kind
 * share an Event.
 * @param waits reasons of the waits that were recorded and go on; kept from pass to pass
 */
export function recordEvents(
  { recorder, set, isNews, waits }: Recording,
  { actions, done }: { readonly actions: readonly Action[]; readonly done: readonly Done[] },
  conditions: readonly ConditionUpdate[],
): void {
  for (const { status, reason, message } of conditions) if (status === 'False') recorder.warn(set, reason, message);
  const waiting = new Set<string>();
  for (const report of reportsOf(actions, done, isNews)) {
    if (report.isWait) waiting.add(report.reason);
    if (report.isWait && waits.has(report.reason)) continue;
    if (report.type === 'Warning') recorder.warn(set, report.reason, report.message);
    else recorder.normal(set, report.reason, report.message);
  }
  waits.clear();
  for (const reason of waiting) waits.add(reason);
}

type Recording = {
  readonly recorder: Deps['recorder'];
  readonly set: CollaSet;
  readonly isNews: IsNews;
  readonly waits: Set<string>;
};

/** Each report once, in the order of the kinds of actions. */
function reportsOf(actions: readonly Action[], done: readonly Done[], isNews: IsNews): readonly Report[] {
  const written = done.map(({ action, written: { insteadAs } }) => (insteadAs ? { ...action, do: insteadAs } : action));
  const reports = new Map<string, Report>();
  for (const kind of Object.keys(ACTIONS) as ActionKind[]) {
    const row = ACTIONS[kind] as Row<ActionKind>;
    const all = (row.write ? written : actions).filter((action) => action.do === kind) as ActionOf<ActionKind>[];
    if (all.length === 0) continue;
    for (const report of row.reports?.(all, isNews) ?? []) reports.set(`${report.reason}/${report.message}`, report);
  }
  return [...reports.values()];
}
