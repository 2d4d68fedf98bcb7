import { expect, test } from 'vitest';
import { type Package, violations } from './rules.ts';
import { isTestFile } from './test-files.ts';

const packages: Package[] = [
  aPackage('api', 'lib'),
  aPackage('lifecycle', 'lib'),
  aPackage('runtime', 'lib'),
  aPackage('testing', 'test'),
  aPackage('cluster', 'test'),
  aPackage('controller', 'app'),
  aPackage('engine', 'app'),
];

function aPackage(name: string, type: Package['type']): Package {
  return { name: `@kuperator/${name}`, folder: `${type}s/${name}`, type, declared: [], layers: {}, files: [] };
}

/** Checks one import, made in `path` of package `name`, declared unless said otherwise. */
function check(name: string, path: string, specifier: string, declared: readonly string[] = [specifier]): string[] {
  const withFile = packages.map((each) =>
    each.name === `@kuperator/${name}` ? { ...each, declared, files: [{ path, imports: [specifier] }] } : each,
  );
  return violations(withFile, ['vitest']);
}

test.each([
  { from: 'controller', path: 'src/main.ts', specifier: '@kuperator/runtime' },
  { from: 'controller', path: 'src/collaset/scale.ts', specifier: '../config.ts' },
  { from: 'controller', path: 'src/collaset/scale.test.ts', specifier: '@kuperator/testing' },
  { from: 'controller', path: 'src/main.integration.test.ts', specifier: '@kuperator/cluster' },
  { from: 'lifecycle', path: 'src/settle.ts', specifier: '@kuperator/api' },
  { from: 'lifecycle', path: 'src/test/pods.ts', specifier: '@kuperator/testing' },
  { from: 'testing', path: 'src/index.ts', specifier: '@kuperator/runtime' },
  { from: 'runtime', path: 'src/process/health.ts', specifier: 'node:http' },
  { from: 'runtime', path: 'src/client/client.ts', specifier: 'undici' },
])('$from may import $specifier in $path', ({ from, path, specifier }) => {
  expect(check(from, path, specifier)).toEqual([]);
});

test.each([
  { from: 'controller', path: 'src/main.ts', specifier: '@kuperator/engine', why: 'apps are deployed' },
  { from: 'controller', path: 'src/main.test.ts', specifier: '@kuperator/engine', why: 'apps are deployed' },
  { from: 'cluster', path: 'src/main.ts', specifier: '@kuperator/engine', why: 'apps are deployed' },
  { from: 'runtime', path: 'src/client/client.ts', specifier: '@kuperator/engine', why: 'apps are deployed' },
  { from: 'api', path: 'src/collaset.ts', specifier: '@kuperator/runtime', why: 'may import none of ours' },
  { from: 'lifecycle', path: 'src/settle.ts', specifier: '@kuperator/runtime', why: 'may import api' },
  { from: 'controller', path: 'src/main.ts', specifier: '@kuperator/testing', why: 'for tests only' },
  { from: 'api', path: 'src/index.ts', specifier: '@kuperator/testing', why: 'for tests only' },
  {
    from: 'controller',
    path: 'src/main.ts',
    specifier: '@kuperator/api/src/names.ts',
    why: 'only its index is public',
  },
  { from: 'controller', path: 'src/main.ts', specifier: '../../../libs/api/src/index.ts', why: 'outside its package' },
  { from: 'api', path: 'src/names.ts', specifier: '@kuperator/api', why: 'import the file' },
  { from: 'api', path: 'src/names.ts', specifier: '@kuperator/gone', why: 'no package here' },
])('$from may not import $specifier in $path', ({ from, path, specifier, why }) => {
  expect(check(from, path, specifier)).toEqual([expect.stringContaining(why)]);
});

test('an import that package.json does not declare is reported', () => {
  expect(check('runtime', 'src/client/client.ts', 'undici/types', [])).toEqual([
    'libs/runtime/src/client/client.ts: imports undici, which libs/runtime/package.json does not declare',
  ]);
});

test('what the root declares for tests is for tests only', () => {
  expect(check('runtime', 'src/client/client.test.ts', 'vitest', [])).toEqual([]);
  expect(check('runtime', 'src/client/client.ts', 'vitest', [])).toHaveLength(1);
});

test('an import against the declared order of folders is reported with its package', () => {
  const runtime: Package = {
    ...aPackage('runtime', 'lib'),
    layers: { src: ['client', 'cache'] },
    files: [
      { path: 'src/client/client.ts', imports: ['../cache/informer.ts'] },
      { path: 'src/cache/informer.ts', imports: ['../client/client.ts'] },
    ],
  };
  expect(violations([runtime], [])).toEqual([
    'libs/runtime/src/client/client.ts: imports ../cache/informer.ts: in src, client may import no other layer, not cache',
  ]);
});

test.each([
  { path: 'src/scale.test.ts', is: true },
  { path: 'src/scale.integration.test.ts', is: true },
  { path: 'scale-in.e2e.ts', is: true },
  { path: 'src/test/pods.ts', is: true },
  { path: 'src/latest/pods.ts', is: false },
  { path: 'src/scale.ts', is: false },
])('$path is a test: $is', ({ path, is }) => {
  expect(isTestFile(path)).toBe(is);
});
