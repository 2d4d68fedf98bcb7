import { expect, test } from 'vitest';
import type { FileFacts } from './file-facts.ts';
import { folderImports, measure, spread } from './measures.ts';

function aFile(path: string, facts: Partial<FileFacts> = {}): FileFacts {
  return { path, lines: 10, bytes: 1000, commentLines: 1, functions: [], exports: [], imports: [], ...facts };
}

test.each([
  { values: [], median: 0, p90: 0 },
  { values: [5], median: 5, p90: 5 },
  { values: [3, 1, 2], median: 2, p90: 3 },
  { values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 100], median: 5, p90: 9 },
])('of $values the median is $median and the 90th percentile $p90', ({ values, median, p90 }) => {
  expect(spread(values)).toEqual({ median, p90 });
});

test('measures code and tests apart', () => {
  const measures = measure(
    [aFile('src/a.ts'), aFile('src/b.ts', { lines: 30 }), aFile('src/a.test.ts', { lines: 7 })],
    [],
  );
  expect(measures).toMatchObject({ files: 2, lines: 40, kilobytes: 2, testFiles: 1, testLines: 7, commentShare: 0.05 });
});

test('names the longest function, those that are too long and those with too many parameters', () => {
  const functions = [
    { name: 'short', line: 1, lines: 3, parameters: 4 },
    { name: 'long', line: 9, lines: 61, parameters: 3 },
    { name: undefined, line: 2, lines: 90, parameters: 5 },
  ];
  expect(measure([aFile('src/a.ts', { functions })], [])).toMatchObject({
    functionLines: { median: 3, p90: 61 },
    longest: { name: 'long', path: 'src/a.ts', lines: 61 },
    longFunctions: ['src/a.ts:9 long (61)'],
    longParameterLists: ['src/a.ts:1 short', 'src/a.ts:2 a function without a name'],
  });
});

test('counts exports with a doc, without those that are only passed on', () => {
  const exports = [
    { name: 'a', line: 1, isDocumented: true },
    { name: 'b', line: 2, isDocumented: false },
    { name: 'c', line: 3, isDocumented: true, from: { specifier: './c.ts', name: 'c' } },
  ];
  const unused = [
    { path: 'src/a.ts', name: 'a', line: 1, usedBy: 'nothing' },
    { path: 'src/a.ts', name: 'b', line: 2, usedBy: 'tests' },
    { path: 'src/other.ts', name: 'd', line: 2, usedBy: 'tests' },
  ] as const;
  const measures = measure([aFile('src/a.ts', { exports, lines: 401 })], unused);
  expect(measures).toMatchObject({ documentedShare: 0.5, unusedExports: 1, exportsForTests: 1 });
  expect(measures.longFiles).toEqual(['src/a.ts (401)']);
});

test('counts imports between folders, most frequent first', () => {
  const files = [
    aFile('src/plan/a.ts', {
      imports: [
        { specifier: '../ids/a.ts', names: [] },
        { specifier: './b.ts', names: [] },
      ],
    }),
    aFile('src/plan/b.ts', {
      imports: [
        { specifier: '../ids/a.ts', names: [] },
        { specifier: 'yaml', names: [] },
      ],
    }),
    aFile('src/ids/a.ts', { imports: [{ specifier: '../main.ts', names: [] }] }),
    aFile('src/ids/a.test.ts', { imports: [{ specifier: '../plan/a.ts', names: [] }] }),
  ];
  expect(folderImports(files)).toEqual([
    { from: 'src/plan', to: 'src/ids', count: 2 },
    { from: 'src/ids', to: 'src', count: 1 },
  ]);
});
