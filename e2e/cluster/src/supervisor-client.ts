import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { waitUntil } from './probe.ts';
import { jsonLines, type Method, type ProcessState, type Requests, type ServerMessage } from './protocol.ts';
import { lastLines } from './run.ts';
import { socketPath } from './state.ts';

/** Thrown when a supervisor accepts the connection and sends nothing. */
export class SupervisorSilentError extends Error {
  override readonly name = 'SupervisorSilentError';
}

/** Time to wait for the state, which a supervisor sends as soon as a client connects. */
const firstStateTimeoutMs = 10_000;

type Waiting = { resolve: (value: never) => void; reject: (error: Error) => void };

/** A connection to the supervisor of one cluster. */
export class SupervisorClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #processes: readonly ProcessState[] = [];

  private constructor(socket: Socket, onFirstState: () => void) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    const receive = jsonLines<ServerMessage>((message) => {
      if ('processes' in message) {
        this.#processes = message.processes;
        onFirstState();
      } else {
        this.#settle(message);
      }
    });
    socket.on('data', (chunk: string) => receive(chunk));
    socket.on('error', () => {}); // 'close' follows and rejects the waiting requests
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the supervisor of the cluster has ended'));
      this.#waiting.clear();
    });
  }

  /** @throws Error if no supervisor listens for the cluster in `dir`, or if it ends before it has sent its state */
  static async connect(dir: string, timeoutMs = firstStateTimeoutMs): Promise<SupervisorClient> {
    const { promise, resolve, reject } = Promise.withResolvers<SupervisorClient>();
    const socket = connect(socketPath(dir));
    const timer = setTimeout(() => {
      reject(new SupervisorSilentError(`the supervisor for ${dir} does not answer`));
      socket.destroy();
    }, timeoutMs);
    socket.once('error', (cause) => reject(new Error(`no supervisor answers for ${dir}`, { cause })));
    // A supervisor that is stopping may accept the connection and then end.
    socket.once('close', () => reject(new Error(`the supervisor for ${dir} has ended`)));
    socket.once('connect', () => {
      const client: SupervisorClient = new SupervisorClient(socket, () => {
        client.#idle();
        resolve(client);
      });
    });
    return promise.finally(() => clearTimeout(timer));
  }

  /** The latest state from the supervisor, which sends it at every change. */
  processes(): readonly ProcessState[] {
    return this.#processes;
  }

  request<M extends Method>(method: M, params: Requests[M]['params']): Promise<Requests[M]['result']> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the cluster is down'));
      this.#waiting.set(id, { resolve, reject });
      this.#socket.ref();
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  connected(): boolean {
    return !this.#socket.destroyed;
  }

  /** Only a waiting request keeps the process of the caller running. */
  #idle(): void {
    if (this.#waiting.size === 0) this.#socket.unref();
  }

  #settle(message: { id: number; result: unknown } | { id: number; error: string }): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    this.#idle();
    if ('error' in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.result as never);
  }
}

/**
 * Starts the supervisor of the cluster in `dir`. When this process ends, the supervisor ends with everything it started, unless `release`
 * was called before.
 */
export async function startSupervisor(dir: string): Promise<{ client: SupervisorClient; pid: number }> {
  const logFile = join(dir, 'supervisor.log');
  const log = openSync(logFile, 'a', 0o600);
  // The supervisor has its own session, because Ctrl-C in a terminal must reach only this process, which can inform the user.
  const child = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts'), dir], {
    detached: true,
    stdio: ['pipe', log, log],
  });
  if (child.pid === undefined) throw new Error('the supervisor could not be started');
  child.stdin?.on('error', () => {}); // the supervisor may end before this process
  const leash = child.stdin as unknown as Socket;
  leash.unref();
  child.unref();
  let client: SupervisorClient | undefined;
  const answers = async () => {
    if (child.exitCode !== null)
      throw new Error(`the supervisor ended: ${lastLines(readFileSync(logFile, 'utf8'), 15)}`);
    // The socket exists a moment before the supervisor listens.
    client = await SupervisorClient.connect(dir).catch(() => undefined);
    return client !== undefined;
  };
  await waitUntil(answers, { what: 'the supervisor', timeoutMs: 20_000, everyMs: 10 });
  if (!client) throw new Error('the supervisor is gone');
  return { client, pid: child.pid };
}
