import { ConflictError } from '@kuperator/runtime';
import { describe, expect, test } from 'vitest';
import { runLane } from './lane.ts';

const never = () => false;
const conflict = () => new ConflictError('409', { status: 409, reason: 'Conflict' });

describe('runLane', () => {
  test('runs everything, a few at once first and more with every success', async () => {
    let running = 0;
    const widths: number[] = [];
    const task = async () => {
      widths.push(++running);
      await Promise.resolve();
      running--;
    };
    const result = await runLane(Array(40).fill(task), { isOver: never, initial: 2, max: 8 });
    expect(result).toEqual({ failures: [], conflicts: 0, left: 0 });
    expect([widths[1], Math.max(...widths)]).toEqual([2, 8]);
  });

  test('what fails for all fails a few times, and every failure is reported (T33)', async () => {
    let tried = 0;
    const task = async () => {
      throw new Error(`failure ${++tried}`);
    };
    const { failures, left } = await runLane(Array(1000).fill(task), { isOver: never });
    expect([failures.length, tried, left]).toEqual([4, 4, 996]);
  });

  test('a conflict stops nothing and is no failure', async () => {
    const tasks = Array.from({ length: 9 }, (_, index) => async () => {
      if (index % 3 === 0) throw conflict();
    });
    expect(await runLane(tasks, { isOver: never })).toEqual({ failures: [], conflicts: 3, left: 0 });
  });

  test('begins nothing when time is up', async () => {
    let calls = 0;
    const { left } = await runLane(
      Array(10).fill(async () => void calls++),
      { isOver: () => calls >= 4 },
    );
    expect([calls, left]).toEqual([4, 6]);
  });

  test('a task that throws before it waits counts like any other', async () => {
    const { failures } = await runLane(
      [
        () => {
          throw new Error('at once');
        },
      ],
      { isOver: never },
    );
    expect(failures).toHaveLength(1);
  });
});
