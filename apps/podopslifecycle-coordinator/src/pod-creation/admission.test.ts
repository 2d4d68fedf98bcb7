import type { Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import { GATE_CASES, type GateCase } from '../test/gate-cases.ts';
import { gatePatch, type PatchOperation } from './admission.ts';

function aNewPod({ labels, given }: Pick<GateCase, 'labels' | 'given'>): Pod {
  return {
    metadata: { name: 'web', namespace: 'default', ...(labels ? { labels } : {}) },
    spec: { containers: [{ name: 'main', image: 'web:1' }], ...(given ? { readinessGates: given } : {}) },
  } as Pod;
}

/** As the API server does, which refuses to append to what is not there. */
function patched(pod: Pod, patch: readonly PatchOperation[]): Pod {
  const result = structuredClone(pod);
  for (const { path, value } of patch) {
    if (path === '/spec/readinessGates') result.spec.readinessGates = structuredClone(value) as never;
    else if (path === '/spec/readinessGates/-' && result.spec.readinessGates) {
      result.spec.readinessGates.push(structuredClone(value) as never);
    } else throw new Error(`cannot apply ${path}`);
  }
  return result;
}

test.each(GATE_CASES)('$name', ({ gates, ...pod }) => {
  const created = aNewPod(pod);
  const result = patched(created, gatePatch(created));
  expect(result.spec.readinessGates).toEqual(gates);
  expect({ ...result.spec, readinessGates: undefined }).toEqual({ ...created.spec, readinessGates: undefined });
});

test.each(GATE_CASES)('asked again after a later webhook, nothing is added: $name', ({ gates: _, ...pod }) => {
  const created = aNewPod(pod);
  expect(gatePatch(patched(created, gatePatch(created)))).toEqual([]);
});
