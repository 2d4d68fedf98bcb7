import { describe, expect, test } from 'vitest';
import { ConflictError } from '../client/errors.ts';
import { newLaneWindow, runLane } from './lane.ts';

const never = () => false;
const conflict = () => new ConflictError('409', { status: 409, reason: 'Conflict' });

describe('runLane', () => {
  test('runs every task, a few concurrently at first and more with every success', async () => {
    const window = newLaneWindow();
    let running = 0;
    const widths: number[] = [];
    const task = async () => {
      widths.push(++running);
      await Promise.resolve();
      running--;
    };
    const result = await runLane(Array(40).fill(task), { isOver: never, window, max: 8 });
    expect(result).toEqual({ failures: [], conflicts: 0, left: 0 });
    expect([Math.max(...widths.slice(0, 4)), Math.max(...widths), window.size]).toEqual([4, 8, 8]);
  });

  test('stops after a few failures and reports each of them (T33)', async () => {
    let tried = 0;
    const task = async () => {
      throw new Error(`failure ${++tried}`);
    };
    const { failures, left } = await runLane(Array(1000).fill(task), {
      isOver: never,
      window: newLaneWindow(),
      max: 64,
    });
    expect([failures.length, tried, left]).toEqual([4, 4, 996]);
  });

  test('resets the window after a failure', async () => {
    const window = { size: 30 };
    await runLane([() => Promise.reject(new Error('x'))], { isOver: never, window, max: 64 });
    expect(window.size).toBe(4);
  });

  test('continues after a conflict and does not count it as a failure', async () => {
    const tasks = Array.from({ length: 9 }, (_, index) => async () => {
      if (index % 3 === 0) throw conflict();
    });
    expect(await runLane(tasks, { isOver: never, window: newLaneWindow(), max: 64 })).toEqual({
      failures: [],
      conflicts: 3,
      left: 0,
    });
  });

  test('starts no task after the time is up', async () => {
    let calls = 0;
    const { left } = await runLane(
      Array(10).fill(async () => {
        calls++;
      }),
      { isOver: () => calls >= 4, window: newLaneWindow(), max: 64 },
    );
    expect([calls, left]).toEqual([4, 6]);
  });

  test('handles a task that throws synchronously like one that rejects', async () => {
    const { failures } = await runLane(
      [
        () => {
          throw new Error('at once');
        },
      ],
      { isOver: never, window: newLaneWindow(), max: 64 },
    );
    expect(failures).toHaveLength(1);
  });
});
