import { expect, test } from 'vitest';
import { BuildProgress, isLive } from './build-progress.ts';

function setup() {
  const lines: string[] = [];
  let nowMs = 0;
  const progress = new BuildProgress((line) => lines.push(line), { live: undefined, now: () => nowMs });
  /** The text that is shown at that time. */
  const at = (seconds: number) => {
    nowMs = seconds * 1000;
    lines.length = 0;
    progress.show();
    return lines.map((line) => line.trim());
  };
  return { progress, at };
}

test('a build shows how many of its packages are compiled, and how long the rest will take', () => {
  const { progress, at } = setup();
  const build = progress.begin('kubernetes v1');
  expect(at(5)).toEqual(['kubernetes v1: reading its modules, after 5 s']);
  build.compiling(100);
  for (let done = 0; done < 5; done++) build.compiled();
  expect(at(30)).toEqual(['kubernetes v1: 5 of 100 packages compiled after 30 s']);
  for (let done = 5; done < 50; done++) build.compiled();
  expect(at(240)).toEqual(['kubernetes v1: 50 of 100 packages compiled after 4 min, about 4 min left']);
  for (let done = 50; done < 100; done++) build.compiled();
  expect(at(500)).toEqual(['kubernetes v1: linking, after 8 min']);
  build.end();
  expect(at(510)).toEqual([]);
  progress.end();
});

test('parallel builds have a line each, and a build by another process is shown as such', () => {
  const { progress, at } = setup();
  progress.begin('helm v4').compiling(0);
  progress.begin('nats v2', 'waiting');
  expect(at(10)).toEqual(['helm v4: linking, after 10 s', 'nats v2: still being built by another process, after 10 s']);
  progress.end();
});

test.each([
  { name: 'a terminal', isTTY: true, env: {}, live: true },
  { name: 'a pipe', isTTY: false, env: {}, live: false },
  { name: 'a dumb terminal', isTTY: true, env: { TERM: 'dumb' }, live: false },
  { name: 'a build server', isTTY: true, env: { CI: 'true' }, live: false },
])('updates a line in place in $name: $live', ({ isTTY, env, live }) => {
  expect(isLive({ isTTY }, env)).toBe(live);
});
