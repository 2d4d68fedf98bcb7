import { expect, test } from 'vitest';
import {
  type LibraryManifest,
  type Publication,
  publishedManifest,
  scopePrefixOf,
  withDependencies,
} from './manifest.ts';

const publication: Publication = {
  scope: '@acme/',
  versions: new Map([
    ['@kuperator/api', '1.2.3'],
    ['@kuperator/runtime', '1.2.4'],
  ]),
  license: 'Apache-2.0',
  engines: { node: '>=24' },
};

const runtime: LibraryManifest = {
  name: '@kuperator/runtime',
  version: '1.2.4',
  description: 'What operators run on.',
  dependencies: { '@kuperator/api': '*', pino: '^10.0.0' },
};

test('a package requires ours in the exact version, and others as the library does', () => {
  expect(publishedManifest(runtime, publication)).toMatchObject({
    name: '@acme/runtime',
    version: '1.2.4',
    dependencies: { '@acme/api': '1.2.3', pino: '^10.0.0' },
  });
});

test('a package exports its index and nothing else', () => {
  expect(publishedManifest(runtime, publication)).toMatchObject({
    type: 'module',
    sideEffects: false,
    license: 'Apache-2.0',
    engines: { node: '>=24' },
    exports: { '.': { types: './lib/index.d.ts', default: './lib/index.js' } },
    files: ['lib'],
  });
});

test('a package is never private and has no development dependencies', () => {
  const manifest = { ...runtime, private: true, devDependencies: { vitest: '*' }, scripts: { test: 'vitest' } };
  const published = publishedManifest(manifest, publication);
  for (const field of ['private', 'devDependencies', 'scripts']) expect(published).not.toHaveProperty(field);
});

test('a dependency on a library that is not packed is an error', () => {
  const manifest = { ...runtime, dependencies: { '@kuperator/testing': '*' } };
  expect(() => publishedManifest(manifest, publication)).toThrow('@kuperator/testing, which is not packed');
});

test('a library without a description is an error', () => {
  const { description: _, ...undescribed } = runtime;
  expect(() => publishedManifest(undescribed, publication)).toThrow('no description');
});

test('what a library depends on comes before it, once', () => {
  const dependencies: Record<string, string[]> = { api: [], runtime: ['api'], resourceconsist: ['runtime', 'api'] };
  const manifestOf = (library: string): LibraryManifest => ({
    name: library,
    version: '1.0.0',
    dependencies: Object.fromEntries([
      ['pino', '*'],
      ...(dependencies[library] ?? []).map((name) => [`@kuperator/${name}`, '*']),
    ]),
  });
  expect(withDependencies(['resourceconsist', 'api'], manifestOf)).toEqual(['api', 'runtime', 'resourceconsist']);
});

test.each(['acme', '@', '@Acme', '@acme/', '@acme/api'])('scope %s is refused', (scope) => {
  expect(() => scopePrefixOf(scope)).toThrow(`scope ${scope}: allowed is a name such as @acme`);
});
