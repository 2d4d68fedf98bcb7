import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import {
  checkName,
  claimCluster,
  clusterFolder,
  clusterNames,
  clustersRoot,
  Ports,
  portsPerCluster,
  readRecord,
  removeClusterFolder,
} from './state.ts';
import { useStateFolder } from './test/state-folder.ts';

const state = useStateFolder();

test.each(['', 'UP', '-a', 'a-', 'a/b', '..', 'a.b', 'a'.repeat(41)])('refuses the cluster name "%s"', (name) => {
  expect(() => checkName(name)).toThrow(`cluster name "${name}"`);
});

test.each(['a', 'default', 'a-1', 'a'.repeat(40)])('accepts the cluster name "%s"', (name) => {
  expect(() => checkName(name)).not.toThrow();
});

test('reports that the path of a folder is too long for a socket', () => {
  vi.stubEnv('XDG_STATE_HOME', `/${'x'.repeat(80)}`);
  expect(() => checkName('default')).toThrow('too long for a socket');
});

test('keeps state in the temporary folder if no state folder is set', () => {
  expect(clustersRoot({})).toBe(join(tmpdir(), 'kuperator', 'clusters'));
});

test('gives different ports to clusters that are created at the same time', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const records = await Promise.all(names.map(claimCluster));
  expect(new Set(records.map(({ portBase }) => portBase)).size).toBe(names.length);
  expect(await clusterNames()).toEqual(names);
});

test('gives each name only once', async () => {
  await claimCluster('a');
  await expect(claimCluster('a')).rejects.toThrow('cluster a exists already');
});

test('finds no record of a cluster that does not exist', async () => {
  expect(await readRecord('a')).toBeUndefined();
});

test('removes only the folder of a cluster, and with the last cluster everything', async () => {
  await Promise.all(['a', 'b'].map(claimCluster));
  await removeClusterFolder(clusterFolder('a'));
  expect(await clusterNames()).toEqual(['b']);
  await removeClusterFolder(clusterFolder('b'));
  await expect(rm(join(state(), 'kuperator'))).rejects.toThrow('ENOENT');
});

test('gives out no port on which a process listens', async () => {
  const { portBase } = await claimCluster('a');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(portBase, '127.0.0.1', resolve));
  try {
    const port = await new Ports(portBase).take();
    expect(port).toBeGreaterThan(portBase);
    expect(port).toBeLessThan(portBase + portsPerCluster);
  } finally {
    server.close();
  }
});
