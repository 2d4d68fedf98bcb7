export { type CountedText, counted, countlessKey, isSpelled, share, shortened, spelled } from './counted-text.ts';
export { foldHolds, type HoldGroup, holderKeyOf, textOfGroups } from './fold.ts';
export {
  type Actor,
  ALIYUN_SLB_ADAPTER,
  actorOf,
  COLLASET_CONTROLLER,
  COORDINATOR,
  type CoordinatorStep,
  ENDPOINTSLICE_ADAPTER,
  ENGINE,
  type Holder,
  type HolderKind,
  stoppedOperatorOf,
} from './holder.ts';
export { readinessHolder, resizeHolder, startHolder } from './kubelet.ts';
export { type Facts, type Hold, holdOf, holdsOf, RANKS } from './pod-holds.ts';
export { haveSameReasons, type Refusal, type RuleReason, textOfRefusal } from './rule-reason.ts';
export { bounded, nextStepOf, textOf, timeOf, wordsOf } from './text.ts';
export { PROGRESSING } from './told.ts';
export { type HoldingState, holdingReason, holdingState, isHolding } from './trim.ts';
export { detailOf, isFor, type RuleHold, type Verdict, verdictFor } from './verdict.ts';
