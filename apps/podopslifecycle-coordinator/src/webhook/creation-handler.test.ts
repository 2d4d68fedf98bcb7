import { expect, test } from 'vitest';
import { GATE_CASES } from '../test/gate-cases.ts';
import { answerToCreation } from './creation-handler.ts';
import { reviewOf } from './review.ts';

type Response = { response: { uid: string; allowed: boolean; patchType?: string; patch?: string } };

const request = (object: unknown, operation = 'CREATE') => ({ uid: '1', operation, object, oldObject: null });

async function reviewed(object: unknown): Promise<Response['response']> {
  return (reviewOf(request(object), await answerToCreation(request(object))) as Response).response;
}

test('the gate is answered as a JSON Patch', async () => {
  const labels = { 'kusionstack.io/control': 'true' };
  const { patch = '', ...response } = await reviewed({ metadata: { labels }, spec: {} });
  expect(response).toEqual({ uid: '1', allowed: true, patchType: 'JSONPatch' });
  expect(JSON.parse(Buffer.from(patch, 'base64').toString('utf8'))).toEqual([
    { op: 'add', path: '/spec/readinessGates', value: [{ conditionType: 'pod.kusionstack.io/service-ready' }] },
  ]);
});

test.each(
  GATE_CASES.filter(({ given, gates }) => given?.length === gates?.length),
)('a Pod that needs nothing is allowed without a patch: $name', async ({ labels, given }) => {
  expect(await reviewed({ metadata: { labels }, spec: { readinessGates: given } })).toEqual({
    uid: '1',
    allowed: true,
  });
});

test.each([
  { name: 'an update', object: { metadata: {}, spec: {} }, operation: 'UPDATE' },
  { name: 'what is no Pod', object: { kind: 'Binding', metadata: {} }, operation: 'CREATE' },
])('$name is left to the failure policy', async ({ object, operation }) => {
  await expect(answerToCreation(request(object, operation))).rejects.toThrow('no Pod is being created');
});
