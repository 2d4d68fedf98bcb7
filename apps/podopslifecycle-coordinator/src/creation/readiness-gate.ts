import { CONTROL_LABEL, type Pod, SERVICE_READY_GATE } from '@kuperator/api';
import { type AdmissionRequest, type AdmissionVerdict, type PatchOperation, podIn } from '../webhook/review.ts';

/** Adds the readiness gate to a Pod that is being created (`CREATE`). It refuses nothing, and reads and writes nothing. */
export async function answerToCreation(request: AdmissionRequest): Promise<AdmissionVerdict> {
  const pod = request.operation === 'CREATE' ? podIn(request) : undefined;
  // The path is registered for something else. An error is no answer, so the webhook's failure policy decides.
  if (!pod) throw new Error(`no Pod is being created: ${request.operation}`);
  return { allowed: true, patch: gatePatch(pod) };
}

/**
 * The patch that adds to a new controlled Pod the readiness gate by which the coordinator takes it out of traffic. Empty if the Pod has
 * the gate already, or is not controlled. Pure. The chart's MutatingAdmissionPolicy does the same where the API server supports that kind;
 * `gate-cases.ts` tests both.
 */
export function gatePatch({ metadata, spec }: Pod): readonly PatchOperation[] {
  if (metadata.labels?.[CONTROL_LABEL] !== 'true') return [];
  const gate = { conditionType: SERVICE_READY_GATE };
  const { readinessGates: gates } = spec;
  if (!gates) return [{ op: 'add', path: '/spec/readinessGates', value: [gate] }];
  if (gates.some(({ conditionType }) => conditionType === SERVICE_READY_GATE)) return [];
  return [{ op: 'add', path: '/spec/readinessGates/-', value: gate }];
}
