// The guide shows the whole example, file by file.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const example = join(root, 'examples', 'adapter-http-registry');
const guide = readFileSync(join(root, 'docs', 'guides', 'write-an-adapter.md'), 'utf8');

/** A block whose first line names a file: ```ts src/main.ts */
const shown = new Map(
  [...guide.matchAll(/^```[a-z]+ (\S+)\n(.*?)^```$/gms)].map(([, path = '', text = '']) => [path, text] as const),
);
const files = globSync(['**/*', '.npmrc'], { cwd: example, exclude: ['node_modules', 'dist'], withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(example.length + 1))
  .filter((path) => path !== 'README.md');

test('the guide shows every file of the example, and no other', () => {
  expect([...shown.keys()].toSorted()).toEqual(files.toSorted());
});

test.each(files)('the guide shows %s as it is', (path) => {
  expect(shown.get(path)).toBe(readFileSync(join(example, path), 'utf8'));
});
