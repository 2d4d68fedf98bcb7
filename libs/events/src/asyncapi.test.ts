import { expect, test } from 'vitest';
import { asyncApiDocument } from './asyncapi.ts';
import { catalog } from './catalog.ts';

const document = asyncApiDocument();

test('every declared event is a channel with its message and schema', () => {
  const names = catalog().map(({ kind, event }) => `${kind}.${event}`);
  expect(Object.keys(document.channels as object)).toEqual(names);
  expect(document).toHaveProperty(['components', 'messages', 'pod.traffic.off', 'payload', 'properties', 'type'], {
    const: 'io.kusionstack.kuperator.pod.traffic.off.v1',
  });
});

test('every reference in the document leads somewhere', () => {
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(references.length).toBeGreaterThan(0);
  for (const path of references) expect(document, path).toHaveProperty(path.split('/'));
});
