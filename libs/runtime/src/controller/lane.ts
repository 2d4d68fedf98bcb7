import { ConflictError } from '../client/errors.ts';

/** The results of the tasks of a lane. */
export type LaneResult = {
  /** Errors of the tasks, without conflicts. */
  readonly failures: readonly unknown[];
  /** The number of writes that were refused because the cache was stale. The next pass plans them again. */
  readonly conflicts: number;
  /** The number of tasks that were not started, because the time was over or an earlier task failed. */
  readonly left: number;
};

/** How many tasks run concurrently. It is kept from pass to pass, so that a lane without failures keeps its speed. */
export type LaneWindow = { size: number };

const INITIAL = 4;

/** The initial window of a lane. */
export function newLaneWindow(): LaneWindow {
  return { size: INITIAL };
}

export type LaneOptions = {
  /** If it returns true, no further task starts. Default: never. */
  readonly isOver?: () => boolean;
  /** Every success widens the window by one, up to `max`. A failure resets it. */
  readonly window: LaneWindow;
  /** The most tasks at once. */
  readonly max: number;
};

/**
 * Starts tasks in order: a few concurrently at first, and one more with every success. After the first failure no further task starts, so
 * that an error which affects every task occurs a few times and not a thousand (T33). Never rejects.
 */
export function runLane(
  tasks: readonly (() => Promise<void>)[],
  { isOver = () => false, window, max }: LaneOptions,
): Promise<LaneResult> {
  return new Promise((resolve) => {
    const failures: unknown[] = [];
    let conflicts = 0;
    let next = 0;
    let running = 0;
    const settle = (error?: unknown) => {
      running--;
      if (error === undefined) window.size = Math.min(max, window.size + 1);
      else if (error instanceof ConflictError) conflicts++;
      else {
        failures.push(error);
        window.size = INITIAL;
      }
      pump();
    };
    const pump = () => {
      while (next < tasks.length && running < window.size && failures.length === 0 && !isOver()) {
        const task = tasks[next++];
        running++;
        // A task that throws synchronously counts like one that rejects.
        Promise.resolve()
          .then(task)
          .then(
            () => settle(),
            (error: unknown) => settle(error ?? new Error('rejected without an error')),
          );
      }
      if (running === 0) resolve({ failures, conflicts, left: tasks.length - next });
    };
    pump();
  });
}
