import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { socketPath } from './state.ts';
import { SupervisorClient, SupervisorSilentError, startSupervisor } from './supervisor-client.ts';

test('waits until a supervisor listens, because its socket exists before that', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ks-'));
  try {
    // A killed process leaves a socket on which no process listens.
    const script = `require('node:net').createServer().listen(${JSON.stringify(socketPath(dir))}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['--eval', script]);
    expect(existsSync(socketPath(dir))).toBe(true);
    const { client } = await startSupervisor(dir);
    expect(client.connected()).toBe(true);
    await client.request('down', null);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('a process that accepts and ends, or sends nothing, does not count as a supervisor', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ks-'));
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(socketPath(dir), () => resolve()));
  try {
    await expect(SupervisorClient.connect(dir)).rejects.toThrow('has ended');
    server.removeAllListeners('connection');
    await expect(SupervisorClient.connect(dir, 50)).rejects.toBeInstanceOf(SupervisorSilentError);
  } finally {
    server.close();
    await rm(dir, { recursive: true, force: true });
  }
});
