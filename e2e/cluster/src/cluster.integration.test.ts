import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { isAlive } from './cluster.ts';
import { clusterDown, listClusters } from './commands.ts';
import { startCluster } from './start.ts';
import { clusterFolder, readRecord } from './state.ts';
import { useStateFolder } from './test/state-folder.ts';

const execute = promisify(execFile);
const bare = { operators: 'none', definitions: false } as const;
const deadline = { timeout: 15_000, interval: 50 };
const source = (file: string) => JSON.stringify(join(import.meta.dirname, file));
const state = useStateFolder();

const pidsOf = (dir: string) =>
  readdir(dir).then((files) =>
    Promise.all(
      files
        .filter((file) => file.endsWith('.pid'))
        .map(async (file) => Number(await readFile(join(dir, file), 'utf8'))),
    ),
  );

test('two clusters run side by side, and leave nothing when they are stopped', async () => {
  const clusters = await Promise.all(['one', 'two'].map((name) => startCluster({ ...bare, name })));
  const pids = (await Promise.all(clusters.map(({ dir }) => pidsOf(dir)))).flat();
  expect(pids).toHaveLength(12);
  expect((await listClusters()).map(({ name, state }) => `${name} ${state}`)).toEqual(['one up', 'two up']);
  for (const cluster of clusters) await cluster.kubectl(['create', 'namespace', `of-${cluster.name}`]);
  await expect(clusters[0]?.kubectl(['get', 'namespace', 'of-two'])).rejects.toThrow('not found');
  await Promise.all(clusters.map((cluster) => cluster.down()));
  expect(pids.filter(isAlive)).toEqual([]);
  expect(await readdir(state())).toEqual([]);
});

test('a stopped process restarts on the same port with its stored data', async () => {
  await using cluster = await startCluster(bare);
  await cluster.kubectl(['create', 'namespace', 'kept']);
  for (const name of ['nats', 'etcd']) {
    await cluster.stop(name, 'SIGKILL');
    expect(cluster.processes().find((process) => process.name === name)).toMatchObject({ state: 'stopped', pid: 0 });
    await cluster.start(name);
  }
  await cluster.restart('kube-apiserver');
  expect(await cluster.kubectl(['get', 'namespace', 'kept', '-o', 'name'])).toBe('namespace/kept\n');
  expect(cluster.processes().every(({ state }) => state === 'running')).toBe(true);
});

test('a cluster of 0 nodes simulates none, and a process that the caller starts belongs to the cluster', async () => {
  const cluster = await startCluster({ ...bare, nats: false, nodes: 0 });
  await cluster.run({
    name: 'mine',
    command: 'sleep',
    args: ['1000'],
    env: {},
    readyTimeoutMs: 5_000,
    graceful: false,
  });
  const names = cluster.processes().map(({ name }) => name);
  expect(names).not.toContain('kwok');
  const pid = cluster.processes().find(({ name }) => name === 'mine')?.pid ?? 0;
  expect(isAlive(pid)).toBe(true);
  await cluster.down();
  expect(isAlive(pid)).toBe(false);
});

test('the audit log records which user made which call', async () => {
  await using cluster = await startCluster({ ...bare, nats: false, audit: true });
  await cluster.kubectl(['create', 'namespace', 'audited']);
  const lines = (await readFile(join(cluster.dir, 'audit.log'), 'utf8')).trim().split('\n');
  const events = lines.map(
    (line) =>
      JSON.parse(line) as { verb: string; level: string; user: { username: string }; objectRef?: { name?: string } },
  );
  expect(events.find(({ verb, objectRef }) => verb === 'create' && objectRef?.name === 'audited')).toMatchObject({
    level: 'Metadata',
    user: { username: 'kuperator-admin' },
  });
});

test.each([
  {
    when: 'once it is up',
    until: (dir: string) => readRecord('doomed').then((record) => record?.ready === true && existsSync(dir)),
  },
  { when: 'while it starts', until: async (dir: string) => existsSync(join(dir, 'kube-apiserver.pid')) },
])('a caller that is killed $when leaves no process and no file', async ({ until }) => {
  const script = `import { startCluster } from ${source('start.ts')};
    await startCluster({ name: 'doomed', operators: 'none', definitions: false });
    setInterval(() => {}, 1000);`;
  const caller = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
  const dir = clusterFolder('doomed');
  await vi.waitFor(async () => expect(await until(dir)).toBe(true), deadline);
  const pids = await pidsOf(dir);
  expect(pids.length).toBeGreaterThan(1);
  caller.kill('SIGKILL');
  await vi.waitFor(async () => expect(await readdir(state())).toEqual([]), deadline);
  expect(pids.filter(isAlive)).toEqual([]);
});

test('down removes a cluster whose supervisor was killed', async () => {
  const cluster = await startCluster({ ...bare, name: 'orphaned' });
  const pids = await pidsOf(cluster.dir);
  process.kill((await readRecord('orphaned'))?.supervisorPid ?? 0, 'SIGKILL');
  await vi.waitFor(async () => expect((await listClusters())[0]?.state).toBe('broken'), deadline);
  await clusterDown('orphaned');
  expect(pids.filter(isAlive)).toEqual([]);
  expect(await readdir(state())).toEqual([]);
});

test('a cluster that cannot start leaves nothing, and the error gives the reason', async () => {
  await expect(
    startCluster({ ...bare, kubeconfig: '/no/such/file', definitions: true, name: 'failing' }),
  ).rejects.toThrow('starting cluster failing');
  expect(await readdir(state())).toEqual([]);
});

test('two concurrent runs build only once', async () => {
  const folder = join(state(), 'module');
  await mkdir(join(folder, 'tool'), { recursive: true });
  await writeFile(
    join(folder, 'go.mod'),
    'module build.local\n\ngo 1.24\n\ntool tool.local\n\nrequire tool.local v1.0.0\n\nreplace tool.local => ./tool\n',
  );
  await writeFile(join(folder, 'tool', 'go.mod'), 'module tool.local\n\ngo 1.24\n');
  await writeFile(join(folder, 'tool', 'main.go'), 'package main\n\nfunc main() { println("built") }\n');
  const script = `import { buildProduct } from ${source('binaries.ts')};
    import { BuildProgress } from ${source('build-progress.ts')};
    const product = { name: 'tool', folder: ${JSON.stringify(folder)}, module: 'tool.local', packages: { etcd: 'tool.local' }, linkerFlags: () => [] };
    await buildProduct(product, { names: ['etcd'], folder: ${JSON.stringify(join(state(), 'out'))}, progress: new BuildProgress(console.log, { live: undefined }) });`;
  const build = () => execute(process.execPath, ['--input-type=module', '--eval', script]);
  const outputs = await Promise.all([build(), build()]);
  expect(outputs.filter(({ stdout }) => stdout.includes('built tool'))).toHaveLength(1);
  expect(await readdir(join(state(), 'out'))).toEqual(['etcd']);
  const { stderr } = await execute(join(state(), 'out', 'etcd'));
  expect(stderr).toBe('built\n');
});
