import { createLogUpdate } from 'log-update';
import type { Progress } from './binaries.ts';

type Build = { readonly name: string; readonly startedMs: number; total: number; done: number; doing: Doing };
type Doing = 'downloading' | 'compiling' | 'linking' | 'waiting';

/** In a pipe or a log a line is enough from time to time. */
const LINE_EVERY_MS = 30_000;
const REDRAW_EVERY_MS = 200;
/** Of a build's packages that are done: before, its rate says little of the rest. */
const KNOWN_FROM = 0.1;

export type Terminal = Pick<NodeJS.WriteStream, 'isTTY'>;

/** Whether a line may be drawn over again: a terminal that can, and nobody who keeps what we print. */
export function isLive({ isTTY }: Terminal, env: NodeJS.ProcessEnv): boolean {
  return isTTY === true && env.TERM !== 'dumb' && !env.CI;
}

/**
 * Shows how far builds are that take minutes: in a terminal one line that changes, else a line every half minute. `end` ends it.
 */
export class BuildProgress {
  readonly #say: Progress;
  readonly #now: () => number;
  readonly #builds = new Set<Build>();
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(say: Progress, { live, now = Date.now }: { live: NodeJS.WriteStream | undefined; now?: () => number }) {
    this.#say = say;
    this.#now = now;
    this.#live = live ? createLogUpdate(live) : undefined;
    this.#timer = setInterval(() => this.show(), this.#live ? REDRAW_EVERY_MS : LINE_EVERY_MS);
    this.#timer.unref();
  }

  /** A line that stays. */
  say(line: string): void {
    this.#live?.clear();
    this.#say(line);
  }

  /** One more thing is under way; how far it is, is told to what this returns. */
  begin(name: string, doing: Doing = 'downloading'): BuildSteps {
    const build: Build = { name, startedMs: this.#now(), total: 0, done: 0, doing };
    this.#builds.add(build);
    return {
      compiling: (total) => {
        build.total = total;
        build.doing = total === 0 ? 'linking' : 'compiling';
      },
      compiled: () => {
        build.done++;
        if (build.done >= build.total) build.doing = 'linking';
      },
      end: () => {
        this.#builds.delete(build);
      },
    };
  }

  /** Shows where everything is now. */
  show(): void {
    if (this.#builds.size === 0) return;
    const texts = [...this.#builds].map((build) => textOf(build, this.#now() - build.startedMs));
    if (this.#live) this.#live(texts.join('\n'));
    else for (const text of texts) this.#say(text);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#live?.clear();
    this.#live?.done();
  }
}

export type BuildSteps = {
  /** Its modules are there; so many packages have to be compiled. */
  compiling(packages: number): void;
  /** One more package is being compiled. */
  compiled(): void;
  end(): void;
};

function textOf({ name, total, done, doing }: Build, elapsedMs: number): string {
  const elapsed = `after ${durationOf(elapsedMs)}`;
  if (doing === 'waiting') return `  ${name}: still being built by another process, ${elapsed}`;
  if (doing === 'downloading') return `  ${name}: reading its modules, ${elapsed}`;
  if (doing === 'linking') return `  ${name}: linking, ${elapsed}`;
  const share = done / total;
  const left = share < KNOWN_FROM ? '' : `, about ${durationOf((elapsedMs / share) * (1 - share))} left`;
  return `  ${name}: ${done} of ${total} packages compiled ${elapsed}${left}`;
}

function durationOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
