import { int64, optional, string, time } from './schema.ts';

/** The fields of one condition in a status, as in metav1.Condition. */
export const CONDITION_FIELDS = {
  type: string({ description: 'What the condition is about. A status has at most one condition of each type.' }),
  status: string({ description: 'Whether the condition holds: True, False or Unknown.' }),
  reason: optional(string({ description: 'Why the condition has its status, as one word for programs.' })),
  message: optional(string({ description: 'Why the condition has its status, as a text for people.' })),
  lastTransitionTime: optional(time({ description: 'Time at which the status of the condition changed last.' })),
  observedGeneration: optional(
    int64({ description: 'Generation of the spec (metadata.generation) to which the condition refers.' }),
  ),
};
