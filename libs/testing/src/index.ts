export { answerFor, INHERITED_NAMES, plainNameLike } from './any-name.ts';
export {
  aCollaSet,
  aCondition,
  aPod,
  aPodTransitionRule,
  aResourceContext,
  aService,
  type Given,
} from './builders.ts';
export { FakeClock, settled } from './fake-clock.ts';
export { FakeInformer } from './fake-informer.ts';
export { FakeRecorder } from './fake-recorder.ts';
export type { Fault, Write } from './faults.ts';
export { InMemoryCluster } from './in-memory-cluster.ts';
export { startOperator } from './start-operator.ts';
