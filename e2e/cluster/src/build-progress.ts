import { createLogUpdate } from 'log-update';
import type { Progress } from './binaries.ts';

type Build = { readonly name: string; readonly startedMs: number; total: number; done: number; doing: Doing };
type Doing = 'downloading' | 'compiling' | 'linking' | 'waiting';

/** In a pipe or a log, an occasional line is enough. */
const LINE_EVERY_MS = 30_000;
const REDRAW_EVERY_MS = 200;
/** Number of compiled packages from which on the rate of a build allows an estimate. */
const KNOWN_FROM = 0.1;

type Terminal = Pick<NodeJS.WriteStream, 'isTTY'>;

/** Whether a line can be updated in place: in a capable terminal whose output is not recorded. */
export function isLive({ isTTY }: Terminal, env: NodeJS.ProcessEnv): boolean {
  return isTTY === true && env.TERM !== 'dumb' && !env.CI;
}

/**
 * Shows the progress of builds that take minutes: in a terminal one line that changes, elsewhere a line every half minute. `end` stops it.
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

  /** Prints a line that stays. */
  say(line: string): void {
    this.#live?.clear();
    this.#say(line);
  }

  /** Adds a build. The caller reports its progress to the returned object. */
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

  /** Shows the present progress of all builds. */
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

type BuildSteps = {
  /** The modules are downloaded, and this number of packages must be compiled. */
  compiling(packages: number): void;
  /** The compilation of one more package has begun. */
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
