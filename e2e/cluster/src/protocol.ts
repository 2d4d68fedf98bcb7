/** The settings of a process. The supervisor keeps them, so that it can start the process again. */
export type ProcessSpec = {
  name: string;
  command: string;
  args: readonly string[];
  env: Record<string, string>;
  cwd?: string;
  /** Answers 200 once the process is ready. Without it, the process is ready as soon as it is started. */
  readyUrl?: string;
  readyTimeoutMs: number;
  /** Port at which people and tests reach its HTTP endpoints. */
  httpPort?: number;
  /** Operators are asked to stop and get time. The control plane is killed, because its data is removed with it. */
  graceful: boolean;
};

export type ProcessState = {
  name: string;
  state: 'running' | 'stopped' | 'crashed';
  /** 0 while it does not run. */
  pid: number;
  logFile: string;
  httpPort?: number;
  /** How a crashed process ended, e.g. `exit code 1`. */
  ended?: string;
};

/** A request of a client to a supervisor. The answer has the same id. */
export type Requests = {
  run: { params: ProcessSpec; result: null };
  start: { params: { name: string }; result: null };
  stop: { params: { name: string; signal: NodeJS.Signals }; result: null };
  /** From this request on, the cluster outlives the process that started it. */
  release: { params: null; result: null };
  down: { params: null; result: null };
};

export type Method = keyof Requests;

export type RequestMessage = { id: number; method: Method; params: unknown };

/** A supervisor sends every client the state of all processes when the client connects and at each change. */
export type ServerMessage =
  | { id: number; result: unknown }
  | { id: number; error: string }
  | { processes: readonly ProcessState[] };

/** Splits a stream of text into lines of JSON and passes each one on. */
export function jsonLines<T>(onMessage: (message: T) => void): (chunk: string) => void {
  let pending = '';
  return (chunk) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onMessage(JSON.parse(line) as T);
  };
}
