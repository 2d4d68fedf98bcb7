import type { PodTransitionRule, PodTransitionRuleStatus, RuleDetail } from '@kuperator/api';
import { ApiError } from '@kuperator/runtime';
import { compareText, waitsSince } from './stage.ts';

/** etcd refuses requests beyond 1.5 MiB. The object gets a little less, because its write contains more than the object. */
const OBJECT_MOST_BYTES = 1_500_000;

type Fitted = {
  readonly status: PodTransitionRuleStatus;
  /** Waiting Pods that have no detail in the status. */
  readonly leftOut: number;
};

/**
 * The status, cut to what etcd can store with the rest of the object. If every write were refused for its size, no slot could ever be
 * granted or taken back again. So waiting Pods are left out, first those that have waited for the shortest time: to the coordinator a Pod
 * without a verdict waits as well. Pods that have passed, hold a slot, or are being asked about at an approver are never left out.
 */
export function withinLimit(
  rule: PodTransitionRule,
  status: PodTransitionRuleStatus,
  mostBytes = OBJECT_MOST_BYTES,
): Fitted {
  const details = status.details ?? [];
  const { status: _, ...rest } = rule;
  if (bytesOf(rest) + roughBytes(status) <= mostBytes) return { status, leftOut: 0 };
  let left = mostBytes - bytesOf({ ...rest, status: { ...status, details: [] } });
  const sized = details.map((detail) => ({ detail, bytes: bytesOf(detail) + 1 }));
  if (sized.reduce((sum, { bytes }) => sum + bytes, 0) <= left) return { status, leftOut: 0 };
  const asked = askedAbout(status);
  const remembered = rememberedIn(rule);
  const kept = new Set<RuleDetail>();
  const others: { detail: RuleDetail; bytes: number; since: bigint }[] = [];
  for (const { detail, bytes } of sized) {
    if (detail.passed || detail.passedRules?.some((name) => remembered.has(name)) || asked.has(detail.name)) {
      kept.add(detail);
      left -= bytes;
    } else others.push({ detail, bytes, since: waitsSince(detail.operations ?? []) });
  }
  for (const { detail, bytes } of others.toSorted(byAge)) {
    left -= bytes;
    if (left < 0) break;
    kept.add(detail);
  }
  return {
    status: { ...status, details: details.filter((detail) => kept.has(detail)) },
    leftOut: details.length - kept.size,
  };
}

/** An upper estimate of the size, unless texts are full of characters that JSON escapes. It is far cheaper than the exact size. */
function roughBytes({ targets = [], details = [], ruleStates = [] }: PodTransitionRuleStatus): number {
  let bytes = 200 + (ruleStates.length > 0 ? bytesOf(ruleStates) : 0);
  for (const name of targets) bytes += 3 + name.length;
  for (const { name = '', uid = '', operations = [], passedRules = [], rejectInfo = [] } of details) {
    bytes += 150 + name.length + uid.length;
    for (const { id, since } of operations) bytes += 25 + id.length + since.length;
    for (const rule of passedRules) bytes += 3 + rule.length;
    for (const { ruleName = '', reason = '' } of rejectInfo) bytes += 30 + ruleName.length + 2 * reason.length;
  }
  return bytes;
}

/** Rules whose pass is a slot or an approval. Label checks are repeated in each evaluation. */
function rememberedIn({ spec }: PodTransitionRule): ReadonlySet<string> {
  const rules = (spec.rules ?? []).filter(({ availablePolicy, webhook }) => availablePolicy || webhook);
  return new Set(rules.map(({ name }) => name));
}

function askedAbout({ ruleStates = [] }: PodTransitionRuleStatus): ReadonlySet<string | undefined> {
  const tasks = ruleStates.flatMap(({ webhookStatus }) => webhookStatus?.taskStates ?? []);
  return new Set(tasks.flatMap(({ processing = [], approved = [] }) => [...processing, ...approved]));
}

function byAge(a: { detail: RuleDetail; since: bigint }, b: { detail: RuleDetail; since: bigint }): number {
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return compareText(a.detail.name ?? '', b.detail.name ?? '');
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** True if the API server, or etcd behind it, refused a write because of its size. */
export function isTooLarge(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 413 || /request is too large|larger than max/.test(error.message);
}
