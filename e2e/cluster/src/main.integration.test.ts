import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { isAlive } from './cluster.ts';
import { clusterFolder } from './state.ts';
import { useStateFolder } from './test/state-folder.ts';

const execute = promisify(execFile);
const main = join(import.meta.dirname, 'main.ts');
const state = useStateFolder();
// Removes what a failed test left.
afterEach(() => command('down', '--name', 'cli').catch(() => {}));

const command = (...args: string[]) => execute(process.execPath, [main, ...args]);
const exitCode = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));

test('up prints only exports and leaves the cluster running until down', async () => {
  const { stdout } = await command('up', '--name', 'cli', '--operators', 'none', '--nodes', '1', '--audit');
  const dir = clusterFolder('cli');
  expect(stdout).toMatch(
    /^export KUBECONFIG=\S+\nexport NATS_URL=nats:\/\/127\.0\.0\.1:\d+\nexport KUPERATOR_CLUSTER_DIR=\S+\nexport PATH=\S+:"\$PATH"\n$/,
  );
  expect(stdout).toContain(dir);
  expect(existsSync(join(dir, 'audit.log'))).toBe(true);
  const pid = Number(await readFile(join(dir, 'kube-apiserver.pid'), 'utf8'));
  expect(isAlive(pid)).toBe(true);

  expect((await command('env', '--name', 'cli')).stdout).toBe(stdout);
  expect((await command('list')).stdout).toMatch(/^cli: up\n(.*running \(pid \d+\)\n){6}$/);
  expect((await command('logs', 'nats', '--name', 'cli')).stdout).toContain('JetStream');
  await command('restart', 'nats', '--name', 'cli');
  await expect(command('up', '--name', 'cli', '--operators', 'none')).rejects.toThrow('exists already');

  await command('down', '--name', 'cli');
  expect(isAlive(pid)).toBe(false);
  expect(await readdir(state())).toEqual([]);
});

test('Ctrl-C during the start removes everything', async () => {
  const up = spawn(process.execPath, [main, 'up', '--name', 'cli', '--operators', 'none'], { stdio: 'ignore' });
  const ended = exitCode(up);
  const pidFile = join(clusterFolder('cli'), 'kube-apiserver.pid');
  await vi.waitFor(() => expect(existsSync(pidFile)).toBe(true), { timeout: 20_000, interval: 10 });
  up.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(await readdir(state())).toEqual([]);
});

test('a shell that evaluates what up prints has kubectl', async () => {
  const up = `${process.execPath} ${main} up --name cli --operators none --no-nats --nodes 1`;
  const script = `set -e; exports="$(${up})"; eval "$exports"; kubectl get nodes`;
  const { stdout } = await execute('/bin/sh', ['-c', script], { env: { ...process.env, PATH: '/usr/bin:/bin' } });
  expect(stdout).toContain('node-0');
});

// Starts two clusters one after the other.
test('list shows a cluster whose supervisor was killed, with advice, and does not show a cluster that was stopped', {
  timeout: 180_000,
}, async () => {
  await command('up', '--name', 'cli', '--operators', 'none', '--no-nats', '--nodes', '1');
  const { supervisorPid } = JSON.parse(await readFile(join(clusterFolder('cli'), 'cluster.json'), 'utf8'));
  process.kill(supervisorPid, 'SIGKILL');
  const hint = '`npm run cluster -- down --name cli` removes what is left';
  const isBroken = async () =>
    expect((await command('list')).stdout).toBe(`cli: broken (its supervisor was killed; ${hint})\n`);
  await vi.waitFor(isBroken, { timeout: 20_000 });
  await command('down', '--name', 'cli');
  expect(await command('list')).toEqual({ stdout: '', stderr: 'no clusters\n' });

  await command('up', '--name', 'cli', '--operators', 'none', '--no-nats', '--nodes', '1');
  const again = JSON.parse(await readFile(join(clusterFolder('cli'), 'cluster.json'), 'utf8'));
  process.kill(again.supervisorPid, 'SIGTERM');
  // While a cluster is being stopped, it may or may not be listed.
  const isGone = async () => expect(await command('list')).toEqual({ stdout: '', stderr: 'no clusters\n' });
  await vi.waitFor(isGone, { timeout: 20_000 });
});

test.each([
  {
    args: ['--replicas', 'foo=2'],
    says: /^replicas of foo: no such operator runs; running are collaset-controller, .*\n$/,
  },
  {
    args: ['--replicas', 'foo'],
    says: /option '--replicas <app=count>' argument 'foo' is invalid\. allowed: <app>=<count>/,
  },
  { args: ['--replicas', 'collaset-controller=0'], says: /allowed: <app>=<count>, a count from 1/ },
  { args: ['--operators', ''], says: /^no operator ""; there are aliyun-slb-adapter, collaset-controller, / },
  { args: ['--operators', 'a,'], says: /^no operator a, ""; there are / },
  { args: ['--nodes', 'many'], says: /option '--nodes <count>' argument 'many' is invalid\. allowed: a whole number/ },
  { args: ['--termination-delay', 'soon'], says: /allowed: a whole number of milliseconds, or grace-period/ },
  { args: ['--image-change-delay', '-1'], says: /'--image-change-delay <ms>' argument '-1' is invalid/ },
  { args: ['--kubeconfig', '/nowhere'], says: /no kubeconfig file \/nowhere\n$/ },
  { args: ['--name', 'A_B'], says: /^cluster name "A_B": use / },
  { args: ['--colour'], says: /unknown option '--colour'/ },
  { args: ['more'], says: /too many arguments/ },
])('up $args is refused before any process starts', async ({ args, says }) => {
  await expect(command('up', ...args)).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(says),
  });
  expect(await readdir(state())).toEqual([]);
});

test('reports an error in one line', async () => {
  await expect(command('down', '--name', 'nothing')).rejects.toMatchObject({ code: 1, stderr: 'no cluster nothing\n' });
  await expect(command('up', '--operators', 'no-such')).rejects.toMatchObject({ code: 1, stdout: '' });
});
