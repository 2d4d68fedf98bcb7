/** What a process needs to run and be called ready. Kept by the supervisor, so that it can be started again later. */
export type ProcessSpec = {
  name: string;
  command: string;
  args: readonly string[];
  env: Record<string, string>;
  cwd?: string;
  /** Answers 200 once the process is ready; without it the process is ready when started. */
  readyUrl?: string;
  readyTimeoutMs: number;
  /** Where a human or a test reaches its HTTP endpoints. */
  httpPort?: number;
  /** Operators are asked to stop and given time; the control plane's data goes away with it, so it is killed. */
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

/** What a client asks of a supervisor; every answer comes back under the same id. */
export type Requests = {
  run: { params: ProcessSpec; result: null };
  start: { params: { name: string }; result: null };
  stop: { params: { name: string; signal: NodeJS.Signals }; result: null };
  /** From now on the cluster outlives the process that started it. */
  release: { params: null; result: null };
  down: { params: null; result: null };
};

export type Method = keyof Requests;

export type RequestMessage = { id: number; method: Method; params: unknown };

/** A supervisor tells every client the state of all processes when it connects and at each change. */
export type ServerMessage =
  | { id: number; result: unknown }
  | { id: number; error: string }
  | { processes: readonly ProcessState[] };

/** Splits a stream of text into lines of JSON and hands each one on. */
export function jsonLines<T>(onMessage: (message: T) => void): (chunk: string) => void {
  let pending = '';
  return (chunk) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onMessage(JSON.parse(line) as T);
  };
}
