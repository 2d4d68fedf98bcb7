import { expect, test } from 'vitest';
import { buildFlags, cacheFolderName, pinnedVersion, products } from './products.ts';

const kubernetes = products.find(({ name }) => name === 'kubernetes');

test.each([
  { name: 'a single require line', goMod: 'module x\n\nrequire a.b/c v1.2.3\n' },
  {
    name: 'a line of a require block',
    goMod: 'module x\n\nrequire (\n\tq.r/s v0.1.0 // indirect\n\ta.b/c v1.2.3 // indirect\n)\n',
  },
])('finds the pinned version in $name', ({ goMod }) => {
  expect(pinnedVersion(goMod, 'a.b/c')).toBe('v1.2.3');
});

test('does not read the pinned version from a replace line', () => {
  expect(() => pinnedVersion('replace (\n\ta.b/c => a.b/c v9.9.9\n)\n', 'a.b/c')).toThrow('requires no a.b/c');
});

test('every product has its module pinned in its own go.mod, and the name of its cache folder contains the version', () => {
  for (const product of products)
    expect(cacheFolderName(product, 'linux-x64')).toMatch(/^[a-z]+-v\d+\.\d+\.\d+-[0-9a-f]{12}$/);
});

test('a cache folder belongs to one platform', () => {
  for (const product of products) {
    expect(cacheFolderName(product, 'linux-x64')).not.toBe(cacheFolderName(product, 'darwin-arm64'));
  }
});

test('Kubernetes programs report their version', () => {
  const flags = kubernetes === undefined ? '' : buildFlags(kubernetes, 'v1.36.3').join(' ');
  expect(flags).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
  expect(flags).toContain('-X k8s.io/component-base/version.gitMajor=1');
  expect(flags).toContain('-X k8s.io/component-base/version.gitMinor=36');
});
