import { CONTROL_LABEL, type Pod, SERVICE_READY_GATE } from '@kuperator/api';

/** Of JSON Patch (RFC 6902), as far as it is used. */
export type PatchOperation = { readonly op: 'add'; readonly path: string; readonly value: unknown };

/**
 * What gives a new controlled Pod the readiness gate by which it is taken out of traffic; empty when it has it, or is not under
 * control. Pure. The chart's MutatingAdmissionPolicy does the same where the API server has that kind; `gate-cases.ts` holds both.
 */
export function gatePatch({ metadata, spec }: Pod): readonly PatchOperation[] {
  if (metadata.labels?.[CONTROL_LABEL] !== 'true') return [];
  const gate = { conditionType: SERVICE_READY_GATE };
  const { readinessGates: gates } = spec;
  if (!gates) return [{ op: 'add', path: '/spec/readinessGates', value: [gate] }];
  if (gates.some(({ conditionType }) => conditionType === SERVICE_READY_GATE)) return [];
  return [{ op: 'add', path: '/spec/readinessGates/-', value: gate }];
}
