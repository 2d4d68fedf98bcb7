import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { binaryPaths, cacheDir, concurrentBuilds, ensureBinaries } from './binaries.ts';

const gibibyte = 1024 ** 3;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kuperator-binaries-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test.each([
  { name: 'little memory', free: 1 * gibibyte, cores: 8, builds: 1 },
  { name: 'one core', free: 64 * gibibyte, cores: 1, builds: 1 },
  { name: 'plenty of both', free: 64 * gibibyte, cores: 8, builds: 2 },
])('builds $builds products at once with $name', ({ free, cores, builds }) => {
  expect(concurrentBuilds(free, cores)).toBe(builds);
});

test('keeps programs in the cache folder of the user', () => {
  expect(cacheDir({ XDG_CACHE_HOME: '/c' })).toBe('/c/kuperator/bin');
  expect(cacheDir({})).toMatch(/\/\.cache\/kuperator\/bin$/);
});

test('takes a program from KUBEBUILDER_ASSETS if it is there, and from the cache otherwise', async () => {
  await executable(join(folder, 'etcd'));
  const { path } = binaryPaths({ KUBEBUILDER_ASSETS: folder, XDG_CACHE_HOME: '/c' });
  expect(path('etcd')).toBe(join(folder, 'etcd'));
  expect(path('kwok')).toMatch(/^\/c\/kuperator\/bin\/kwok-v.*\/kwok$/);
});

test('explains what to do if Go is missing', async () => {
  vi.stubEnv('PATH', folder);
  vi.stubEnv('XDG_CACHE_HOME', folder);
  vi.stubEnv('KUBEBUILDER_ASSETS', '');
  await expect(ensureBinaries()).rejects.toThrow(/install Go 1\.26 or newer.*KUBEBUILDER_ASSETS/);
});

test('needs no Go if every program exists', async () => {
  await executable(join(folder, 'etcd'));
  vi.stubEnv('PATH', '/nowhere');
  vi.stubEnv('KUBEBUILDER_ASSETS', folder);
  const { path } = await ensureBinaries(() => {}, ['etcd']);
  expect(path('etcd')).toBe(join(folder, 'etcd'));
});

async function executable(file: string): Promise<void> {
  await writeFile(file, '#!/bin/sh\n');
  await chmod(file, 0o755);
}
