import { readFileSync } from 'node:fs';
import type { CollaSet } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { safeHash } from './fnv.ts';
import { goForm } from './go-form.ts';
import { goQuantity } from './go-quantity.ts';
import { revisionBytes, revisionDataOf } from './revision-data.ts';

type Vectors = {
  readonly revisions: readonly { name: string; spec: object; data: string; hash: string }[];
  readonly quantities: Readonly<Record<string, string>>;
};
const vectors = JSON.parse(readFileSync(new URL('testdata/go-revisions.gen.json', import.meta.url), 'utf8')) as Vectors;

const bytesOf = (spec: object) => revisionBytes(revisionDataOf({ metadata: {}, spec } as CollaSet));

describe('revision data has the bytes that Go writes (T111)', () => {
  test.each(vectors.revisions)('$name', ({ spec, data, hash }) => {
    const bytes = bytesOf(spec);
    expect(bytes).toBe(data);
    expect(safeHash(`${bytes}0`)).toBe(hash);
  });

  test('the form does not change if it is applied again', () => {
    for (const { data } of vectors.revisions) {
      const { spec } = JSON.parse(data) as { spec: { template: { $patch?: string } } };
      const { $patch: _, ...template } = spec.template;
      expect(bytesOf({ ...spec, template })).toBe(data);
    }
  });
});

test('quantities are written as Go writes them', () => {
  const valid = Object.entries(vectors.quantities).filter(([, written]) => written !== '');
  expect(Object.fromEntries(valid.map(([text]) => [text, goQuantity(text)]))).toEqual(Object.fromEntries(valid));
});

test('an invalid quantity does not change', () => {
  const invalid = Object.entries(vectors.quantities).filter(([, written]) => written === '');
  for (const [text] of invalid) expect(goQuantity(text)).toBe(text);
});

test('keeps unknown fields, because Pods are created from the result', () => {
  const probe = { grpc: { port: 9000 }, periodSeconds: 5 };
  expect(goForm({ name: 'a', restartPolicy: 'Always', livenessProbe: probe }, 'Container')).toEqual({
    name: 'a',
    resources: {},
    restartPolicy: 'Always',
    livenessProbe: probe,
  });
});
