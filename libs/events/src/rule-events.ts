import Type from 'typebox';
import { declareEvent } from './declaration.ts';
import { Count, Generation, Uid } from './fields.ts';

/** The events of a PodTransitionRule. Counts are of Pods. */
export const RULE_EVENTS = {
  evaluated: declareEvent({
    summary: 'The engine has evaluated the rule and written its verdicts to status.',
    publishers: ['podtransitionrule-engine'],
    wakes: [],
    data: Type.Object({
      uid: Uid,
      generation: Generation,
      observedPodResourceVersion: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      targets: Count,
      passed: Count,
      rejected: Count,
    }),
    identity: ({ uid, generation, observedPodResourceVersion, targets, passed, rejected }) => [
      uid,
      generation,
      observedPodResourceVersion,
      targets,
      passed,
      rejected,
    ],
  }),
} as const;
