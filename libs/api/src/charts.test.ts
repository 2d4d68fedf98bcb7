import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { chartFiles } from './charts.ts';
import { crds } from './crd.ts';

const templates = join(import.meta.dirname, '..', '..', '..', 'deploy', 'charts', 'crds', 'templates');

test('the chart matches the types (npm run generate -w @kuperator/api)', () => {
  const names = readdirSync(templates).toSorted();
  const committed = names.map((name) => ({ name, content: readFileSync(join(templates, name), 'utf8') }));
  expect(committed).toEqual(chartFiles().toSorted((one, other) => (one.name < other.name ? -1 : 1)));
});

// Helm reads YAML 1.1, where yes, on and 0777 mean something else.
test.each(chartFiles())('$name has the same content in both versions of YAML', ({ content }) => {
  expect(crds()).toContainEqual(parse(content, { version: '1.1' }));
  expect(crds()).toContainEqual(parse(content, { version: '1.2' }));
});

test('no definition is deleted with the release', () => {
  for (const { metadata } of crds()) expect(metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
});
