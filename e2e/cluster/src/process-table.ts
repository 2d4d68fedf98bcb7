import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersOk, waitUntil } from './probe.ts';
import type { ProcessSpec, ProcessState } from './protocol.ts';
import { lastWords } from './run.ts';

type Entry = {
  spec: ProcessSpec;
  child: ChildProcess | undefined;
  /** Resolves when the running child has ended. */
  ended: Promise<void>;
  stopping: boolean;
  state: ProcessState;
};

/** Time from SIGTERM until an operator is killed: the default grace period of a Pod. */
const gracefulTimeoutMs = 30_000;
/** Time for the other processes, which have nothing to lose. The API server would wait for its watches for a minute. */
const abruptTimeoutMs = 3_000;
const downTimeoutMs = 5_000;

/** Starts, stops and watches the child processes of one supervisor. Each has a pid file and a log file in `dir`. */
export class ProcessTable {
  readonly #dir: string;
  readonly #onChange: () => void;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(dir: string, onChange: () => void) {
    this.#dir = dir;
    this.#onChange = onChange;
  }

  states(): readonly ProcessState[] {
    return [...this.#entries.values()].map(({ state }) => state);
  }

  /** Starts a new process and waits until it is ready. */
  async run(spec: ProcessSpec): Promise<void> {
    if (this.#entries.get(spec.name)?.child) throw new Error(`${spec.name} runs already`);
    const logFile = join(this.#dir, `${spec.name}.log`);
    const state: ProcessState = { name: spec.name, state: 'stopped', pid: 0, logFile };
    if (spec.httpPort !== undefined) state.httpPort = spec.httpPort;
    const entry: Entry = { spec, child: undefined, ended: Promise.resolve(), stopping: false, state };
    this.#entries.set(spec.name, entry);
    await this.#launch(entry);
  }

  /** Starts a stopped or crashed process with its old settings and waits until it is ready. Does nothing if the process runs. */
  async start(name: string): Promise<void> {
    const entry = this.#entry(name);
    if (!entry.child) await this.#launch(entry);
  }

  /** Stops a process and waits until it has ended. It stays stopped. */
  async stop(name: string, signal: NodeJS.Signals): Promise<void> {
    const entry = this.#entry(name);
    await this.#stop(entry, signal, entry.spec.graceful ? gracefulTimeoutMs : abruptTimeoutMs);
  }

  /** Stops all processes. None can be started afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    const graceful = entries.filter(({ spec }) => spec.graceful);
    await Promise.all(graceful.map((entry) => this.#stop(entry, 'SIGTERM', downTimeoutMs)));
    await Promise.all(entries.map((entry) => this.#stop(entry, 'SIGKILL', downTimeoutMs)));
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    throw new Error(`no process ${name}; there are ${[...this.#entries.keys()].join(', ') || 'none'}`);
  }

  async #launch(entry: Entry): Promise<void> {
    if (this.#closed) throw new Error('the cluster is going down');
    const { spec, state } = entry;
    const pidFile = join(this.#dir, `${spec.name}.pid`);
    const log = openSync(state.logFile, 'a', 0o600);
    const child = spawn(spec.command, spec.args, { cwd: spec.cwd, env: spec.env, stdio: ['ignore', log, log] });
    closeSync(log);
    entry.child = child;
    entry.stopping = false;
    entry.ended = new Promise((resolve) => {
      const onEnd = (how: string) => {
        if (entry.child !== child) return;
        entry.child = undefined;
        rmSync(pidFile, { force: true });
        entry.state = { ...state, pid: 0, state: entry.stopping ? 'stopped' : 'crashed' };
        if (!entry.stopping) entry.state.ended = how;
        this.#onChange();
        resolve();
      };
      child.on('error', (error) => onEnd(error.message));
      child.on('exit', (code, signal) => onEnd(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
    if (child.pid !== undefined) {
      writeFileSync(pidFile, `${child.pid}\n`);
      const { ended: _, ...rest } = state;
      entry.state = { ...rest, pid: child.pid, state: 'running' };
    }
    this.#onChange();
    await this.#ready(entry, child);
  }

  async #ready(entry: Entry, child: ChildProcess): Promise<void> {
    const { readyUrl, readyTimeoutMs, name } = entry.spec;
    const said = () => lastWords(readFileSync(entry.state.logFile, 'utf8'), 15);
    const ready = async () => {
      if (readyUrl !== undefined && (await answersOk(readyUrl))) return true;
      if (entry.child === child) return readyUrl === undefined;
      throw new Error(`${name} ended before it was ready (${entry.state.ended ?? 'stopped'}):\n${said()}`);
    };
    try {
      await waitUntil(ready, { what: `${name} to be ready at ${readyUrl}`, timeoutMs: readyTimeoutMs });
    } catch (error) {
      if (entry.child !== child) throw error;
      throw new Error(`${(error as Error).message}; the end of its log:\n${said()}`, { cause: error });
    }
  }

  async #stop(entry: Entry, signal: NodeJS.Signals, timeoutMs: number): Promise<void> {
    const { child } = entry;
    if (!child) return;
    entry.stopping = true;
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await entry.ended;
    clearTimeout(killer);
  }
}
