import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBinaries } from '@kuperator/cluster';

/** A real nats-server on a free loopback port. A test can stop it and start it again with its stored data. */
export type NatsServer = {
  readonly url: string;
  start(): Promise<void>;
  /** Stops the server: as in a power failure with `SIGKILL`, orderly with `SIGTERM`. */
  stop(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Stops the server for good and deletes its files. */
  remove(): Promise<void>;
};

/** Creates a server that is not started yet. `extra` is appended to the configuration file. JetStream is on unless `jetstream` is false. */
export async function natsServer({ jetstream = true, extra = '' } = {}): Promise<NatsServer> {
  const binary = (await ensureBinaries(() => {}, ['nats-server'])).path('nats-server');
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'kuperator-nats-'));
  const store = jetstream ? `jetstream { store_dir: "${join(dir, 'store')}", max_file_store: 2GB }` : '';
  const file = join(dir, 'nats.conf');
  await writeFile(file, `listen: "127.0.0.1:${port}"\n${store}\n${extra}\n`);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
    });
    await until(() => said.includes('Server is ready'), `nats-server to start: ${said}`);
    await until(() => accepts(port), `nats-server to listen on ${port}`);
  }

  async function stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await ended;
  }

  async function remove(): Promise<void> {
    await stop();
    await rm(dir, { recursive: true, force: true });
  }

  return { url: `nats://127.0.0.1:${port}`, start, stop, remove };
}

/**
 * Waits for `condition`.
 * @throws Error naming `what` when it does not hold within `timeoutMs` (default 15 000)
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
