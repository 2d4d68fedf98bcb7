// Checks that each test that the lists under docs/conformance name exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../docs/conformance');

/** A link to a file, and the name of a test in it: `[…](path) “name”`. */
const CITATION = /\[`[^`]+`\]\(([^)]+)\) “([^”]+)”/g;

const citations = readdirSync(FOLDER).flatMap((list) => {
  const path = join(FOLDER, list);
  return [...readFileSync(path, 'utf8').matchAll(CITATION)].map(([, target = '', name = '']) => ({
    list,
    name,
    file: join(dirname(path), target),
  }));
});

test('the lists contain names of tests', () => {
  expect(citations.length).toBeGreaterThan(50);
});

test.each(citations)('$list: “$name” exists', ({ file, name }) => {
  expect(existsSync(file), file).toBe(true);
  expect(readFileSync(file, 'utf8')).toContain(name);
});
