import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { isAlive } from './cluster.ts';
import { clusterFolder } from './state.ts';
import { useStateFolder } from './test/state-folder.ts';

const execute = promisify(execFile);
const main = join(import.meta.dirname, 'main.ts');
const state = useStateFolder();

const command = (...args: string[]) => execute(process.execPath, [main, ...args]);
const exitCode = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));

test('up prints only exports and leaves the cluster running until down', async () => {
  const { stdout } = await command('up', '--name', 'cli', '--operators', 'none', '--nodes', '1', '--audit');
  const dir = clusterFolder('cli');
  expect(stdout).toMatch(
    /^export KUBECONFIG=\S+\nexport NATS_URL=nats:\/\/127\.0\.0\.1:\d+\nexport KUPERATOR_CLUSTER_DIR=\S+\n$/,
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

test('Ctrl-C while it comes up removes everything', async () => {
  const up = spawn(process.execPath, [main, 'up', '--name', 'cli', '--operators', 'none'], { stdio: 'ignore' });
  const ended = exitCode(up);
  const pidFile = join(clusterFolder('cli'), 'kube-apiserver.pid');
  await vi.waitFor(() => expect(existsSync(pidFile)).toBe(true), { timeout: 20_000, interval: 10 });
  up.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(await readdir(state())).toEqual([]);
});

test('says what is wrong in one line', async () => {
  await expect(command('down', '--name', 'nothing')).rejects.toMatchObject({ code: 1, stderr: 'no cluster nothing\n' });
  await expect(command('up', '--operators', 'no-such')).rejects.toMatchObject({ code: 1, stdout: '' });
});
