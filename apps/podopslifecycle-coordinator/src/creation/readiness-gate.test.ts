import type { Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import { GATE_CASES, type GateCase } from '../test/gate-cases.ts';
import { type PatchOperation, reviewOf } from '../webhook/review.ts';
import { answerToCreation, gatePatch } from './readiness-gate.ts';

function aNewPod({ labels, given }: Pick<GateCase, 'labels' | 'given'>): Pod {
  return {
    metadata: { name: 'web', namespace: 'default', ...(labels ? { labels } : {}) },
    spec: { containers: [{ name: 'main', image: 'web:1' }], ...(given ? { readinessGates: given } : {}) },
  } as Pod;
}

/** Applies the patch as the API server does, which refuses to append to a missing list. */
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

test.each(GATE_CASES)('a second call after another webhook adds nothing: $name', ({ gates: _, ...pod }) => {
  const created = aNewPod(pod);
  expect(gatePatch(patched(created, gatePatch(created)))).toEqual([]);
});

type Response = { response: { uid: string; allowed: boolean; patchType?: string; patch?: string } };

const request = (object: unknown, operation = 'CREATE') => ({ uid: '1', operation, object, oldObject: null });

async function reviewed(object: unknown): Promise<Response['response']> {
  return (reviewOf(request(object), await answerToCreation(request(object))) as Response).response;
}

test('the answer contains the gate as a JSON Patch', async () => {
  const labels = { 'kusionstack.io/control': 'true' };
  const { patch = '', ...response } = await reviewed({ metadata: { labels }, spec: {} });
  expect(response).toEqual({ uid: '1', allowed: true, patchType: 'JSONPatch' });
  expect(JSON.parse(Buffer.from(patch, 'base64').toString('utf8'))).toEqual([
    { op: 'add', path: '/spec/readinessGates', value: [{ conditionType: 'pod.kusionstack.io/service-ready' }] },
  ]);
});

test.each(
  GATE_CASES.filter(({ given, gates }) => given?.length === gates?.length),
)('a Pod that needs no change is allowed without a patch: $name', async ({ labels, given }) => {
  expect(await reviewed({ metadata: { labels }, spec: { readinessGates: given } })).toEqual({
    uid: '1',
    allowed: true,
  });
});

test.each([
  { name: 'an update', object: { metadata: {}, spec: {} }, operation: 'UPDATE' },
  { name: 'an object that is not a Pod', object: { kind: 'Binding', metadata: {} }, operation: 'CREATE' },
])('$name is left to the failure policy', async ({ object, operation }) => {
  await expect(answerToCreation(request(object, operation))).rejects.toThrow('no Pod is being created');
});
