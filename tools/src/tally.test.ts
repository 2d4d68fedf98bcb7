import { expect, test } from 'vitest';
import { summaryOf, tallyOf, total } from './tally.ts';

const passed = { status: 'passed' };
const failed = { status: 'failed' };

test.each([
  {
    name: 'tests of all files',
    results: [
      { status: 'passed', assertionResults: [passed, passed] },
      { status: 'failed', assertionResults: [passed, failed] },
    ],
    exitCode: 1,
    tally: { passed: 3, failed: 1 },
  },
  {
    name: 'a file that does not load as a failure',
    results: [{ status: 'failed', assertionResults: [] }],
    exitCode: 1,
    tally: { passed: 0, failed: 1 },
  },
  {
    name: 'a file whose hook threw after its tests passed as a failure',
    results: [{ status: 'failed', assertionResults: [passed] }],
    exitCode: 1,
    tally: { passed: 1, failed: 1 },
  },
  {
    name: 'no skipped test',
    results: [{ status: 'passed', assertionResults: [passed, { status: 'skipped' }, { status: 'todo' }] }],
    exitCode: 0,
    tally: { passed: 1, failed: 0 },
  },
  {
    name: 'an error outside of every file as a failure',
    results: [{ status: 'passed', assertionResults: [passed] }],
    exitCode: 1,
    tally: { passed: 1, failed: 1 },
  },
])('counts $name', ({ results, exitCode, tally }) => {
  expect(tallyOf({ testResults: results }, exitCode)).toEqual(tally);
});

test('counts a run without a report as one failure', () => {
  expect(tallyOf(undefined, 137)).toEqual({ passed: 0, failed: 1 });
});

test('the summary adds up all steps', () => {
  const sum = total([
    { passed: 2, failed: 0 },
    { passed: 1, failed: 3 },
  ]);
  expect(summaryOf(sum)).toBe('3 passed, 3 failed');
});
