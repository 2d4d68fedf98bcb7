// Reads what the coordinator has recorded on a Pod about its waits. It is enough for programs that do not watch PodTransitionRules and Services.
import { conditionOf, type Pod, RULE_DETAIL_ANNOTATION_PREFIX, type RuleDetail } from '@kuperator/api';
import { type RuleHold, refusalOf } from './verdict.ts';

/** Pod condition of the coordinator: True while an operation waits, False once it has waited too long, absent otherwise. */
export const PROGRESSING = 'pod.kusionstack.io/operation-progressing';

/** Rules that refuse the stage, from the detail annotations of the Pod. */
export function refusalsTold(pod: Pod, stage: 'PreCheck' | 'PostCheck'): readonly Extract<RuleHold, { by: 'rules' }>[] {
  return Object.entries(pod.metadata.annotations ?? {}).flatMap(([key, text]) => {
    if (!key.startsWith(RULE_DETAIL_ANNOTATION_PREFIX)) return [];
    const detail = detailIn(text);
    if (detail?.stage !== stage || detail.passed !== false) return [];
    return refusalOf(key.slice(RULE_DETAIL_ANNOTATION_PREFIX.length), detail);
  });
}

/** True if the coordinator recorded that the engine has given no verdict. */
export function isEngineTold(pod: Pod): boolean {
  return /no verdict from the podtransitionrule-engine/.test(conditionOf(pod, PROGRESSING)?.message ?? '');
}

/** Kinds whose cache may be stale, as the coordinator recorded. */
export function blindTold(pod: Pod): readonly string[] {
  const [, kinds] = /its cache of ([a-z, ]+) is current/.exec(conditionOf(pod, PROGRESSING)?.message ?? '') ?? [];
  return kinds?.split(', ') ?? [];
}

/** The operator that the coordinator recorded as not running. Only the coordinator may know which adapter guards a Service. */
export function stoppedTold(pod: Pod): string | undefined {
  return /([a-z0-9-]+) is not running/.exec(conditionOf(pod, PROGRESSING)?.message ?? '')?.[1];
}

/** Parses a verdict; undefined if the text is not one, because every user may write an annotation. */
function detailIn(text: string): RuleDetail | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const { stage, passed, rejectInfo } = parsed as RuleDetail;
    const rejections = Array.isArray(rejectInfo) ? rejectInfo.filter(isRejection) : [];
    return { passed, rejectInfo: rejections, ...(stage === undefined ? {} : { stage }) };
  } catch {
    return undefined;
  }
}

function isRejection(value: unknown): value is { ruleName: string; reason: string } {
  const { ruleName, reason } = (value ?? {}) as Record<string, unknown>;
  return typeof ruleName === 'string' && typeof reason === 'string';
}
