import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseObject } from './object-json.ts';

/** A watch event as the API server writes it: managedFields are the last of a Pod's metadata, and in the midst of a custom resource's. */
function eventOf(object: { metadata: object; [key: string]: unknown }, managedFields: unknown, after = {}): string {
  const metadata = { ...object.metadata, managedFields, ...after };
  return JSON.stringify({ type: 'MODIFIED', object: { ...object, metadata } });
}

const entryOf = (fieldsV1: unknown) => ({ manager: 'kubelet', operation: 'Update', apiVersion: 'v1', fieldsV1 });

test('reads an event unchanged, except for the managed fields', () => {
  const pod = { kind: 'Pod', metadata: { name: 'a', labels: { 'é"]}': '}]}' } }, spec: { nodeName: 'n' } };
  const managed = [entryOf({ 'f:spec': { 'f:nodeName': {} } }), entryOf({ 'f:metadata': {} })];
  expect(parseObject(eventOf(pod, managed))).toEqual({ type: 'MODIFIED', object: pod });
});

test('reads a custom resource, whose keys are sorted', () => {
  const set = { kind: 'CollaSet', metadata: { generation: 1 }, spec: { lists: [{ a: [{}] }] } };
  const after = { name: 'a', ownerReferences: [{ uid: 'u' }] };
  expect(parseObject(eventOf(set, [entryOf({ 'f:spec': {} })], after))).toEqual({
    type: 'MODIFIED',
    object: { ...set, metadata: { generation: 1, ...after } },
  });
});

test('reads objects whose field names look like the end of the managed fields', () => {
  const pod = { metadata: { name: 'a' }, spec: {} };
  for (const name of ['}]', '}],', '}]}', '}]},', '"}]}"', '}]}}', '}]},"spec":{}}}', '\\}]}']) {
    const read = parseObject(eventOf(pod, [entryOf({ [`k:${JSON.stringify({ name })}`]: {} })])) as {
      object: unknown;
    };
    expect(read.object).toMatchObject(pod);
  }
});

test('loses nothing else, whatever the object contains', () => {
  const values = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(
      fc.record({ before: values, after: values, spec: fc.jsonValue() }),
      fc.array(fc.dictionary(fc.stringMatching(/^[a-z:"{}[\],\\]*$/), fc.constant({})).map(entryOf), { minLength: 1 }),
      ({ before, after, spec }, managed) => {
        const { object } = parseObject(eventOf({ metadata: before, spec }, managed, after)) as {
          object: { metadata: object; spec: unknown };
        };
        const metadata = { ...before, managedFields: undefined, ...after };
        const wanted = JSON.parse(JSON.stringify({ metadata, spec }));
        expect({ ...object, metadata: { ...object.metadata, managedFields: undefined } }).toEqual(wanted);
      },
    ),
    { numRuns: 500 },
  );
});

test('reports what is wrong with a text that is not JSON', () => {
  expect(() => parseObject('{"metadata":{"name":"a","managedFields":[{}]}')).toThrow(SyntaxError);
});
