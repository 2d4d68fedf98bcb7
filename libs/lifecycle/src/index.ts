export { ARRIVAL_MS, arrivalMs } from './arrival.ts';
export {
  type ExpectedFinalizers,
  expectedFinalizersOf,
  missingFinalizers,
  withExpectedFinalizer,
} from './expected-finalizers.ts';
export { applyLabels, diffLabels, isEmpty, type LabelChanges, type Labels } from './label-changes.ts';
export { brokenLabelRules, forgedLabel, REFUSAL } from './label-rules.ts';
export {
  beginOperation,
  cancelOperation,
  finishOperation,
  hasOperation,
  isPermitted,
  isServiceAvailable,
  type Operation,
  type OperationChange,
  type OperationStage,
  operationsOf,
  permittedSince,
  withFinalizer,
} from './operation.ts';
export {
  hasExpectedFinalizers,
  isDrained,
  isGateOpen,
  type PodState,
  podStateOf,
  protectionFinalizers,
} from './pod-state.ts';
export { keepFromDeletion, prepareToDelete } from './preparing-to-delete.ts';
export { type Authority, type CheckRequest, type Settled, settle } from './settle.ts';
