import {
  matchesSelector,
  type Pod,
  type PodTransitionRule,
  type RuleDetail,
  type TransitionRule,
} from '@kuperator/api';
import type { CheckRequest } from '@kuperator/lifecycle';
import { bounded } from './text.ts';

/** Whether an operation may pass its stage and, if not, which rule objects hold it. */
export type Verdict = { readonly passed: boolean; readonly heldBy: readonly RuleHold[] };
export type RuleHold =
  /** The object refuses. `rule` and `name` are the object and the rule that refuse first; these may belong to another object. */
  | { readonly by: 'rules'; readonly rule: string; readonly name: string; readonly reason: string }
  /** The engine has not given a verdict for the object yet. */
  | { readonly by: 'engine'; readonly rule: string; readonly reason: string };

/**
 * Asks every PodTransitionRule of `rules` that selects the Pod by its present labels. A rule that has not evaluated the Pod yet holds it (H1).
 * Pure.
 */
export function verdictFor(pod: Pod, rules: readonly PodTransitionRule[], request: CheckRequest): Verdict {
  const heldBy: RuleHold[] = [];
  for (const rule of rules) {
    if (!guards(rule, request.stage) || !matchesSelector(rule.spec.selector, pod.metadata.labels)) continue;
    const hold = holdOf(rule, pod, request);
    if (hold) heldBy.push(hold);
  }
  return { passed: heldBy.length === 0, heldBy };
}

/** Without a rule for the stage every Pod passes, so it need not wait for the engine. */
function guards(rule: PodTransitionRule, stage: CheckRequest['stage']): boolean {
  if (rule.metadata.deletionTimestamp !== undefined) return false;
  return (rule.spec.rules ?? []).some((each) => !each.disabled && stageOf(each) === stage);
}

function stageOf(rule: TransitionRule): string {
  return rule.stage || 'PreCheck';
}

function holdOf(rule: PodTransitionRule, pod: Pod, request: CheckRequest): RuleHold | undefined {
  const { status, metadata } = rule;
  const { name = '' } = metadata;
  const engine = (reason: string): RuleHold => ({ by: 'engine', rule: name, reason });
  if ((status?.observedGeneration ?? -1) < (metadata.generation ?? 0)) return engine('the rule was not evaluated yet');
  const detail = detailOf(rule, pod);
  if (!detail || detail.stage !== request.stage) return engine('the rule has not decided on this Pod yet');
  // A verdict applies to one run of an operation. Another operation, or a later run, needs its own verdict (D7).
  if (!isFor(detail, request)) return engine('the rule has not decided on this operation yet');
  if (detail.passed) return undefined;
  return refusalOf(name, detail);
}

/** The first rule that refuses, named once: stored reasons may repeat its name, or begin with a rule of another object. */
export function refusalOf(object: string, { rejectInfo = [] }: RuleDetail): Extract<RuleHold, { by: 'rules' }> {
  const { ruleName = '', reason = '' } = rejectInfo[0] ?? {};
  const repeated = `rule ${ruleName}: `;
  // The engine puts a rule of another object first if that rule refuses and this one only gives no slot meanwhile.
  const other = reason.startsWith(repeated) ? null : /^rule ([^\s/:]+)\/([^\s:]+): /.exec(reason);
  if (other) {
    const [prefix, rule = object, name = ruleName] = other;
    return { by: 'rules', rule, name, reason: bounded(reason.slice(prefix.length)) };
  }
  const said = reason.startsWith(repeated) ? reason.slice(repeated.length) : reason;
  return { by: 'rules', rule: object, name: ruleName, reason: bounded(said) };
}

/** The entry about the Pod in the rule object's status, for the present or an earlier stage. */
export function detailOf({ status }: PodTransitionRule, { metadata }: Pod): RuleDetail | undefined {
  const detail = status?.details && detailsByName(status.details).get(metadata.name);
  return detail?.uid === metadata.uid ? detail : undefined;
}

/**
 * A status has a detail for each waiting Pod, and is searched for each of them several times in a pass. So it is indexed once, and the index
 * lives as long as the status.
 */
function detailsByName(details: readonly RuleDetail[]): ReadonlyMap<string | undefined, RuleDetail> {
  let known = indexed.get(details);
  if (!known) {
    known = new Map(details.map((detail) => [detail.name, detail]));
    indexed.set(details, known);
  }
  return known;
}

const indexed = new WeakMap<readonly RuleDetail[], ReadonlyMap<string | undefined, RuleDetail>>();

/** The verdict was given for this run of the operation. */
export function isFor({ operations = [] }: RuleDetail, { id, since }: Pick<CheckRequest, 'id' | 'since'>): boolean {
  return operations.some((operation) => operation.id === id && operation.since === since);
}
