import { type Pod, type PodTransitionRule, RULE_STAGES, type RuleDetail, type RuleStage } from '@kuperator/api';
import { allocate, type Candidate } from './allocate.ts';
import { type Owners, populationOf } from './population.ts';
import { applyingTo, type RuleSettings, rejectionBy, type StageRule, stageRulesOf } from './rules.ts';
import { nameOf } from './selection.ts';
import { type StageEntry, stageOf } from './stage.ts';

export type EvaluationInput = {
  /** With the status its last evaluation wrote: who holds a pass is read from there. */
  readonly rule: PodTransitionRule;
  /** The Pods it selects, by name, from one moment of the cache. */
  readonly selected: readonly Pod[];
  readonly owners: Owners;
  readonly settings: RuleSettings;
  /** Why another rule object refuses the Pod its stage, budgets apart (H4). */
  readonly refusedElsewhere: (pod: Pod, stage: RuleStage) => string | undefined;
};

export type Evaluation = { readonly targets: readonly string[]; readonly details: readonly RuleDetail[] };

/**
 * The verdict for every selected Pod that waits in a stage. Pure, and the same for the same input.
 * A verdict is for the uid and the operations named in it and for nothing that comes after them (H5, D7).
 */
export function evaluate(input: EvaluationInput): Evaluation {
  const { rule, selected, settings } = input;
  const previous = new Map((rule.status?.details ?? []).map((detail) => [detail.name, detail]));
  const population = populationOf(selected, input.owners);
  const waiting = selected.flatMap((pod) => {
    const entry = stageOf(pod);
    return entry ? [{ pod, entry }] : [];
  });
  const details = RULE_STAGES.flatMap((stage) => {
    const rules = stageRulesOf(rule.spec, stage, settings);
    const candidates = waiting
      .filter(({ entry }) => entry.stage === stage)
      .map(({ pod, entry }) => candidateFor(pod, entry, rules, input, previous.get(nameOf(pod))));
    if (candidates.length > 0) allocate(candidates, rules, population);
    return candidates.map(detailOf);
  });
  return { targets: selected.map(nameOf), details: byName(details) };
}

function candidateFor(
  pod: Pod,
  entry: StageEntry,
  rules: readonly StageRule[],
  { rule, settings, refusedElsewhere }: EvaluationInput,
  previous: RuleDetail | undefined,
): Candidate {
  const applying = applyingTo(pod, rules, settings.conditions);
  const held = previous && isFor(previous, pod, entry) ? rememberedBy(previous, rule) : NOTHING;
  const passed = new Set(
    applying.filter(({ kind, name }) => kind === 'availablePolicy' && held.has(name)).map(nameOfRule),
  );
  let rejection: Candidate['rejection'];
  for (const stageRule of applying) {
    rejection = rejectionBy(stageRule, pod);
    if (rejection) break;
    if (stageRule.kind !== 'availablePolicy') passed.add(stageRule.name);
  }
  return { pod, entry, applying, passed, rejection, refusedElsewhere: () => refusedElsewhere(pod, entry.stage) };
}

/** One operation in common is enough: a pass is the Pod's, and a further operation on it takes no further slot. */
function isFor(detail: RuleDetail, pod: Pod, entry: StageEntry): boolean {
  return (
    detail.uid === pod.metadata.uid &&
    detail.stage === entry.stage &&
    (detail.operations ?? []).some(({ id, since }) =>
      entry.operations.some((now) => now.id === id && now.since === since),
    )
  );
}

/** Names in a verdict of an older spec may by now belong to other rules; only a full pass outlives the change. */
function rememberedBy(detail: RuleDetail, rule: PodTransitionRule): ReadonlySet<string> {
  const sameSpec = rule.status?.observedGeneration === rule.metadata.generation;
  return sameSpec || detail.passed ? new Set(detail.passedRules) : NOTHING;
}

function detailOf({ pod, entry, applying, passed, rejection }: Candidate): RuleDetail {
  const passedRules = applying.filter(({ name }) => passed.has(name)).map(nameOfRule);
  return {
    name: nameOf(pod),
    uid: pod.metadata.uid ?? '',
    stage: entry.stage,
    operations: [...entry.operations],
    passed: rejection === undefined,
    ...(passedRules.length > 0 ? { passedRules } : {}),
    ...(rejection ? { rejectInfo: [rejection] } : {}),
  };
}

function nameOfRule({ name }: StageRule): string {
  return name;
}

function byName(details: readonly RuleDetail[]): readonly RuleDetail[] {
  return details.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}

const NOTHING: ReadonlySet<string> = new Set();
