// Why a rule does not let a Pod pass, and the text for it. The status of a PodTransitionRule can only contain text, so the engine writes the
// reason as text, and other processes parse it. Both directions are in this file, so that they stay consistent.
import type { RuleDetail } from '@kuperator/api';
import { type CountedText, counted, countlessKey, foreignText, share, spelled } from './counted-text.ts';

/** Why one rule refuses a Pod. */
export type RuleReason =
  /** The rule cannot be evaluated: the user must correct it. */
  | { readonly kind: 'invalid'; readonly problem: string }
  | { readonly kind: 'labels'; readonly pod: string; readonly requires: string }
  /** `allowed` is the limit in Pods, `total` the number to which percentages refer, `unavailable` the number of Pods that are down or may go down. */
  | {
      readonly kind: 'budget';
      readonly limit: 'max unavailable' | 'min available';
      readonly allowed: number;
      readonly total: number;
      readonly unavailable: number;
    }
  /** The desired number of Pods of the owner (`<kind> <name>`) is not known yet. */
  | { readonly kind: 'owner-unread'; readonly owner: string }
  | { readonly kind: 'webhook'; readonly message: string }
  | { readonly kind: 'not-approved' }
  /** A slot is reserved until the PodTransitionRule `first` has granted its own. */
  | { readonly kind: 'slot-reserved'; readonly first: string }
  /** Rule `rule` of another PodTransitionRule refuses the Pod, so this rule grants no slot. */
  | { readonly kind: 'refused-elsewhere'; readonly object: string; readonly rule: string; readonly reason: RuleReason }
  /** Parsed from a status: a reason without marked counts, or the text of another engine. */
  | { readonly kind: 'words'; readonly words: string };

/** A reason and the name of the rule that has it. */
export type Refusal = { readonly ruleName: string; readonly reason: RuleReason };

/** The text of the refusal in `rejectInfo[].reason` of a PodTransitionRule's status. */
export function textOfRefusal({ ruleName, reason }: Refusal): string {
  if (reason.kind !== 'refused-elsewhere') return spelled(counted`rule ${ruleName}: ${clauseOfReason(reason)}`);
  const { object, rule } = reason;
  return spelled(counted`rule ${object}/${rule}: ${clauseOfReason(reason.reason)}${noSlotOf(ruleName)}`);
}

/** The text after the name of the rule and a colon. */
export function clauseOfReason(reason: RuleReason): CountedText {
  switch (reason.kind) {
    case 'invalid':
      return [reason.problem];
    case 'labels':
      return [`labels of ${reason.pod} do not match ${reason.requires}`];
    case 'budget': {
      const { limit, allowed, total, unavailable } = reason;
      return counted`blocked by ${limit} ${share(allowed, total)}, currently unavailable ${share(unavailable, total)}`;
    }
    case 'owner-unread':
      return [`the replicas of ${reason.owner} have not been read yet`];
    case 'webhook':
      return counted`webhook: ${foreignText(reason.message)}`;
    case 'not-approved':
      return ['its webhook has not approved'];
    case 'slot-reserved':
      return [`its slot is kept until PodTransitionRule ${reason.first} has given one`];
    case 'refused-elsewhere':
      return counted`rule ${reason.object}/${reason.rule}: ${clauseOfReason(reason.reason)}`;
    case 'words':
      return foreignText(reason.words);
  }
}

/**
 * Parses a clause that {@link clauseOfReason} has written. Only the clause of a budget has counts of ours. Every other clause is returned as
 * `words`, and so is the text of another engine.
 */
export function reasonFrom(clause: string): RuleReason {
  const found = BUDGET_CLAUSE.exec(clause);
  if (!found) return { kind: 'words', words: clause };
  const [, limit, allowed, total, unavailable] = found;
  return {
    kind: 'budget',
    limit: limit === 'max unavailable' ? limit : 'min available',
    allowed: Number(allowed),
    total: Number(total),
    unavailable: Number(unavailable),
  };
}

const BUDGET_CLAUSE = /^blocked by (max unavailable|min available) (-?\d+)\/(\d+), currently unavailable (\d+)\/\3$/;

/** Parses one entry of `rejectInfo`. */
export function refusalFrom({ ruleName = '', reason = '' }: RejectInfo): Refusal {
  const repeated = `rule ${ruleName}: `;
  if (reason.startsWith(repeated)) return { ruleName, reason: reasonFrom(reason.slice(repeated.length)) };
  const other = /^rule ([^\s/:]+)\/([^\s:]+): /.exec(reason);
  const ending = noSlotOf(ruleName);
  if (!other || !reason.endsWith(ending)) return { ruleName, reason: { kind: 'words', words: reason } };
  const [prefix, object = '', rule = ''] = other;
  const inner = reasonFrom(reason.slice(prefix.length, -ending.length));
  return { ruleName, reason: { kind: 'refused-elsewhere', object, rule, reason: inner } };
}

/** True if two verdicts on a Pod name the same rules and the same reasons; their counts may differ. */
export function haveSameReasons(a: readonly RejectInfo[] = [], b: readonly RejectInfo[] = []): boolean {
  return a.length === b.length && a.every((info, at) => isSameReason(info, b[at] ?? {}));
}

type RejectInfo = NonNullable<RuleDetail['rejectInfo']>[number];

function isSameReason(a: RejectInfo, b: RejectInfo): boolean {
  if (a.ruleName !== b.ruleName) return false;
  // Most reasons have not changed. For thousands of Pods, parsing each reason would cost more than the rest of the comparison.
  if (a.reason === b.reason) return true;
  return identityOf(refusalFrom(a).reason) === identityOf(refusalFrom(b).reason);
}

/** The reason without its counts. */
function identityOf(reason: RuleReason): string {
  if (reason.kind === 'refused-elsewhere') return `${reason.object}/${reason.rule} ${identityOf(reason.reason)}`;
  return `${reason.kind} ${reason.kind === 'budget' ? reason.limit : countlessKey(clauseOfReason(reason))}`;
}

function noSlotOf(ruleName: string): string {
  return `; no slot of rule ${ruleName} meanwhile`;
}
