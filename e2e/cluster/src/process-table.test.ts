import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ProcessTable } from './process-table.ts';
import type { ProcessSpec } from './protocol.ts';

let dir: string;
let table: ProcessTable;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kuperator-table-'));
  table = new ProcessTable(dir, () => {});
});
afterEach(async () => {
  await table.close();
  await rm(dir, { recursive: true });
});

const shell = (script: string): ProcessSpec => ({
  name: 'p',
  command: '/bin/sh',
  args: ['-c', script],
  env: {},
  readyTimeoutMs: 5_000,
  graceful: true,
});

test('a running process has a pid file and a log', async () => {
  await table.run(shell('echo hello; exec sleep 60'));
  const [state] = table.states();
  expect(state).toMatchObject({ name: 'p', state: 'running', logFile: join(dir, 'p.log') });
  expect((await readFile(join(dir, 'p.pid'), 'utf8')).trim()).toBe(String(state?.pid));
  await vi.waitFor(async () => expect(await readFile(join(dir, 'p.log'), 'utf8')).toBe('hello\n'));
});

test('a stopped process stays stopped until it is started, and then has a new pid', async () => {
  await table.run(shell('exec sleep 60'));
  const before = table.states()[0]?.pid;
  await table.stop('p', 'SIGTERM');
  expect(table.states()).toMatchObject([{ state: 'stopped', pid: 0 }]);
  expect(await readdir(dir)).not.toContain('p.pid');
  await table.start('p');
  expect(table.states()).toMatchObject([{ state: 'running' }]);
  expect(table.states()[0]?.pid).not.toBe(before);
});

test('a process that ends by itself is shown as crashed, with its exit code', async () => {
  await table.run(shell('sleep 0.05; exit 3'));
  await vi.waitFor(() => expect(table.states()).toMatchObject([{ state: 'crashed', pid: 0, ended: 'exit code 3' }]));
});

test('a process that ends before it is ready fails with the end of its log', async () => {
  const spec = { ...shell('echo no such thing; exit 1'), readyUrl: 'http://127.0.0.1:1/' };
  await expect(table.run(spec)).rejects.toThrow(/p ended before it was ready \(exit code 1\):\nno such thing/);
});

test('a Go program that panics before it is ready fails with the reason, however long its traces are', async () => {
  const traces = 'for i in $(seq 100); do echo "\tsome/file.go:$i"; done';
  const spec = { ...shell(`echo fatal error: two at once; ${traces}; exit 2`), readyUrl: 'http://127.0.0.1:1/' };
  await expect(table.run(spec)).rejects.toThrow(/\nfatal error: two at once\n.*…\n.*file.go:100$/s);
});

test('a program that does not exist fails', async () => {
  const spec = { ...shell(''), command: '/no/such/program', readyUrl: 'http://127.0.0.1:1/' };
  await expect(table.run(spec)).rejects.toThrow('ENOENT');
});

test('lists the processes if the name is unknown', async () => {
  await table.run(shell('exec sleep 60'));
  await expect(table.stop('q', 'SIGTERM')).rejects.toThrow('no process q; there are p');
});

test('closing stops all processes, and none can be started afterwards', async () => {
  await table.run(shell('exec sleep 60'));
  await table.close();
  expect(table.states()).toMatchObject([{ state: 'stopped' }]);
  await expect(table.start('p')).rejects.toThrow('going down');
});
