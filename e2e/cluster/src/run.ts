import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

type CommandEnd = {
  readonly stderr: string;
  /** Null if the program did not start, or a signal ended it. */
  readonly code: number | null;
  readonly cause?: unknown;
};

/** Thrown when a program cannot be started or ends with a code other than 0. `stderr` is its error output. */
export class CommandError extends Error {
  readonly stderr: string;
  readonly code: number | null;

  constructor(message: string, { stderr, code, cause }: CommandEnd) {
    super(message, { cause });
    this.name = 'CommandError';
    this.stderr = stderr;
    this.code = code;
  }
}

/** The programs that run now. They end with this process, so that an interrupted build does not continue for minutes. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

type RunOptions = {
  /** Describes the action in the error message. */
  what: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** Called with each line of its stderr as it comes. */
  onErrorLine?: (line: string) => void;
};

/**
 * Runs a program to its end.
 * @returns what it wrote to stdout
 * @throws CommandError with its stderr
 */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(child);
    child.on('close', () => running.delete(child));
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    if (options.onErrorLine) createInterface({ input: child.stderr }).on('line', options.onErrorLine);
    child.stdin.on('error', () => {}); // the program may end without reading its input; its exit code shows an error
    child.stdin.end(options.input ?? '');
    child.on('error', (cause) =>
      reject(new CommandError(`${options.what}: ${cause.message}`, { stderr: '', code: null, cause })),
    );
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(stdout).toString());
      const said = Buffer.concat(stderr).toString().trim();
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      reject(new CommandError(`${options.what}: ${how}: ${lastLines(said, 20)}`, { stderr: said, code }));
    });
  });
}

/**
 * What the log of a program that ended says about why: its last `count` lines and, before them, the first lines of its last Go
 * panic. The traces of all goroutines that follow a panic would hide its reason.
 */
export function lastWords(log: string, count: number): string {
  const panicAt = Math.max(...['panic: ', 'fatal error: '].map((start) => `\n${log}`.lastIndexOf(`\n${start}`)));
  const end = lastLines(log, count);
  if (panicAt < 0) return end;
  const panic = log.slice(panicAt);
  return panic.split('\n').length <= count ? end : `${panic.split('\n').slice(0, count).join('\n')}\n…\n${end}`;
}

/** The last `count` lines of `text`. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
