import { CONTROL_LABEL, type Pod, SERVICE_AVAILABLE_LABEL, SERVICE_READY_GATE } from '@kuperator/api';
import { aCondition, aPod, type Given } from '@kuperator/testing';

/** 2026-01-01T00:00:00Z, and the same in nanoseconds. */
export const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
export const nanosAt = (ms: number) => `${ms}000000`;

/** A Pod `default/web` with the readiness gate, in service, or out of traffic if the given labels have an operation in Operate. */
export function aServingPod(given: Given<Pod> & { ready?: boolean } = {}): Pod {
  const { ready = true, metadata = {}, ...rest } = given;
  const isInTraffic = !Object.keys(metadata.labels ?? {}).some((label) => label.startsWith('operate.'));
  return aPod({
    ready,
    spec: { readinessGates: [{ conditionType: SERVICE_READY_GATE }] },
    status: { conditions: [aCondition('Ready', ready), aCondition(SERVICE_READY_GATE, isInTraffic)] },
    ...rest,
    metadata: {
      name: 'web',
      ...metadata,
      labels: { [CONTROL_LABEL]: 'true', [SERVICE_AVAILABLE_LABEL]: '1', app: 'web', ...metadata.labels },
    },
  });
}

/** Labels of operation `id` of `type` in Operate. */
export function granted(id: string, type: string, ms = NOW_MS): Record<string, string> {
  const domain = 'podopslifecycle.kusionstack.io';
  const at = nanosAt(ms);
  return {
    [`operating.${domain}/${id}`]: at,
    [`operation-type.${domain}/${id}`]: type,
    [`pre-checked.${domain}/${id}`]: at,
    [`operation-permission.${domain}/${type}`]: at,
    [`operate.${domain}/${id}`]: at,
    [`${domain}/preparing-to-delete`]: at,
  };
}

/** Labels of operation `id` of type `delete` in PreCheck. */
export function begun(id: string, ms = NOW_MS): Record<string, string> {
  const domain = 'podopslifecycle.kusionstack.io';
  const at = nanosAt(ms);
  return {
    [`operating.${domain}/${id}`]: at,
    [`operation-type.${domain}/${id}`]: 'delete',
    [`pre-check.${domain}/${id}`]: at,
    [`${domain}/preparing-to-delete`]: at,
  };
}
