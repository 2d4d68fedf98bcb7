import { expect, test } from 'vitest';
import type { ExportFact, FileFacts, ImportFact } from './file-facts.ts';
import { unusedExports } from './unused-exports.ts';

function aFile(
  path: string,
  { exports = [], imports = [] }: { exports?: readonly ExportFact[]; imports?: readonly ImportFact[] },
): FileFacts {
  return { path, lines: 1, bytes: 1, commentLines: 0, functions: [], exports, imports };
}

function anExport(name: string, from?: ExportFact['from']): ExportFact {
  return { name, line: 1, isDocumented: true, ...(from ? { from } : {}) };
}

const library = aFile('libs/api/src/names.ts', { exports: [anExport('used'), anExport('spare')] });
const index = aFile('libs/api/src/index.ts', {
  exports: ['used', 'spare'].map((name) => anExport(name, { specifier: './names.ts', name })),
});
const packages = new Map([['@kuperator/api', 'libs/api/src/index.ts']]);

function namesUnused(...importers: FileFacts[]): string[] {
  return unusedExports([library, index, ...importers], packages).map(({ name, usedBy }) => `${name}: ${usedBy}`);
}

test('an export that is only passed on is unused', () => {
  expect(namesUnused()).toEqual(['used: nothing', 'spare: nothing']);
});

test('an import through the index of the package uses the export of the file behind it', () => {
  const importer = aFile('apps/a/src/main.ts', { imports: [{ specifier: '@kuperator/api', names: ['used'] }] });
  expect(namesUnused(importer)).toEqual(['spare: nothing']);
});

test('an import of the file itself uses its export', () => {
  const importer = aFile('libs/api/src/other.ts', { imports: [{ specifier: './names.ts', names: ['used', 'spare'] }] });
  expect(namesUnused(importer)).toEqual([]);
});

test('an import of the whole module uses all exports', () => {
  const importer = aFile('apps/a/src/main.ts', { imports: [{ specifier: '@kuperator/api', names: 'all' }] });
  expect(namesUnused(importer)).toEqual([]);
});

test.each([
  'libs/api/src/names.test.ts',
  'libs/api/src/test/world.ts',
  'e2e/bench/src/main.ts',
  'libs/testing/src/builders.ts',
])('an export that only %s imports is for tests', (path) => {
  const importer = aFile(path, { imports: [{ specifier: '@kuperator/api', names: ['used'] }] });
  const relative = aFile(path, {
    imports: [{ specifier: path.includes('/test/') ? '../names.ts' : './names.ts', names: ['used'] }],
  });
  const isOwn = path.startsWith('libs/api/');
  expect(namesUnused(isOwn ? relative : importer)).toEqual(['used: tests', 'spare: nothing']);
});

test('exports of test files are not looked at', () => {
  const builders = aFile('libs/api/src/test/world.ts', { exports: [anExport('aWorld')] });
  expect(unusedExports([builders], packages)).toEqual([]);
});
