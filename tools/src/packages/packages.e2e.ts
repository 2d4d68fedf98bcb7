// The packages as another team gets them: what is in the tarballs, that they can be used, and that the example works with them.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { EMPLOYER_CLEAN_FINALIZER } from '@kuperator/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packLibraries } from './pack.ts';
import { AdapterOnACluster, REPLICAS } from './test/adapter-on-a-cluster.ts';
import { aStranger, PACKAGES, type Stranger } from './test/stranger.ts';
import { undocumentedExports } from './test/undocumented-exports.ts';

let stranger: Stranger;
beforeAll(async () => {
  stranger = await aStranger();
});
afterAll(() => stranger?.remove());

const filesIn = async (tarball: string) => {
  const listed = await stranger.run('tar', '-tzf', tarball);
  return listed
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
};
const hashOf = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

test('packing twice gives the same bytes', async () => {
  const to = await mkdtemp(join(tmpdir(), 'kuperator-again-'));
  try {
    const again = await packLibraries({ scope: '@kuperator/', to });
    expect(again.map((path) => basename(path))).toEqual(stranger.tarballs.map((path) => basename(path)));
    expect(await Promise.all(again.map(hashOf))).toEqual(await Promise.all(stranger.tarballs.map(hashOf)));
  } finally {
    await rm(to, { recursive: true, force: true });
  }
});

test('there is one tarball for each library that other teams need', () => {
  const names = stranger.tarballs.map((path) => basename(path).replace(/^kuperator-(.*)-\d+\.\d+\.\d+\.tgz$/, '$1'));
  expect(names).toEqual(PACKAGES);
});

test.each(PACKAGES)('@kuperator/%s holds code, declarations, licence and README, and no tests', async (name) => {
  const tarball = stranger.tarballs.find((path) => basename(path).startsWith(`kuperator-${name}-`)) ?? '';
  const files = await filesIn(tarball);
  const index = await stranger.run('tar', '-xzOf', tarball, 'package/lib/index.js');
  const modules = ['index.js', ...[...index.matchAll(/from '\.\/([^']+)'/g)].map(([, path = '']) => path)];
  for (const path of modules.map((module) => `lib/${module}`)) {
    expect(files).toEqual(expect.arrayContaining([path, `${path}.map`, path.replace(/\.js$/, '.d.ts')]));
  }
  const rest = files.filter((path) => !/^lib\/.*\.(js|js\.map|d\.ts)$/.test(path));
  expect(rest.toSorted()).toEqual(['LICENSE', 'README.md', 'package.json']);
  expect(files.filter((path) => /test|generate|e2e/.test(path))).toEqual([]);
});

describe('a consumer outside the workspaces', () => {
  test('compiles with the declarations checked, and can run every package', async () => {
    const config = JSON.parse(await readFile(join(stranger.example, 'tsconfig.json'), 'utf8')) as object;
    expect(config).toMatchObject({ compilerOptions: { strict: true, skipLibCheck: false } });
    expect(await stranger.run(process.execPath, 'dist/every-package.js')).toBe(`${PACKAGES.join()}\n`);
  });

  test.each(PACKAGES)('finds a doc at every export of @kuperator/%s', (name) => {
    expect(undocumentedExports(join(stranger.example, 'node_modules', '@kuperator', name, 'lib'))).toEqual([]);
  });

  test.each(PACKAGES)('cannot import what @kuperator/%s does not export', async (name) => {
    const inner = `@kuperator/${name}/lib/index.js`;
    const code = `await import(${JSON.stringify(inner)})`;
    await expect(stranger.run(process.execPath, '--input-type=module', '--eval', code)).rejects.toThrow(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    );
  });

  test("passes the example's own tests", async () => {
    expect(await stranger.run('npm', 'test')).toMatch(/^ℹ fail 0$/m);
  });
});

describe('the adapter of the example', () => {
  let adapter: AdapterOnACluster;
  beforeAll(async () => {
    adapter = await AdapterOnACluster.start(stranger.example);
  });
  afterAll(() => adapter?.stop());

  test('registers Pods before they count as available', async () => {
    await adapter.serves('app:v1');
    for (const { metadata } of await adapter.pods()) expect(metadata.finalizers).toHaveLength(1);
  });

  test('keeps Pods out of the registry while a CollaSet changes them in place', async () => {
    const uids = (await adapter.pods()).map(({ metadata }) => metadata.uid);
    const listed = await adapter.update('app:v2');
    const pods = await adapter.pods();
    expect([...listed.values()]).toEqual(Array.from({ length: REPLICAS }, () => false));
    expect(pods.map(({ metadata }) => metadata.uid).toSorted()).toEqual(uids.toSorted());
    for (const pod of pods) {
      expect(await adapter.changesOf(pod)).toEqual(['registered', 'draining', 'removed', 'registered']);
    }
  });

  test('lets a Service go when nothing of it is left in the registry', async () => {
    expect(await adapter.finalizersOfService()).toContain(EMPLOYER_CLEAN_FINALIZER);
    await adapter.deleteService();
    expect(await adapter.members()).toEqual([]);
    for (const { metadata } of await adapter.pods()) expect(metadata.finalizers ?? []).toEqual([]);
  });

  test('needs no rights beyond those of its manifest', async () => {
    const log = await adapter.log();
    expect(log).toContain('"started"');
    expect(log).not.toMatch(/forbidden/i);
  });
});
