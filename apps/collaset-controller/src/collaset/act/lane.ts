import { ConflictError } from '@kuperator/runtime';

export type LaneResult = {
  /** What went wrong, conflicts left out. */
  readonly failures: readonly unknown[];
  /** Writes refused because we decided on a stale cache: to be decided anew. */
  readonly conflicts: number;
  /** Tasks not begun: time was up, or something failed before. */
  readonly left: number;
};

/** How many tasks run at once. Kept from run to run, so that a lane which goes well need not begin anew. */
export type Window = { size: number };

const INITIAL = 4;

export function newWindow(): Window {
  return { size: INITIAL };
}

export type LaneOptions = {
  /** No task is begun once it answers true. */
  readonly isOver: () => boolean;
  /** Every success widens it by one, up to `max`; a failure narrows it to where it began. */
  readonly window: Window;
  readonly max: number;
};

/**
 * Runs tasks in order, a few at once to begin with and more with every success, without waiting for whole batches. The first failure
 * lets no further task begin: what fails for all fails a few times and not a thousand (T33). Never rejects.
 */
export function runLane(
  tasks: readonly (() => Promise<void>)[],
  { isOver, window, max }: LaneOptions,
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
        // A task that throws at once must count like one that rejects.
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
