export type Tally = { passed: number; failed: number };

/** The part of the report of Vitest's JSON reporter that is counted. */
export type VitestReport = {
  testResults: readonly { status: string; assertionResults: readonly { status: string }[] }[];
};

/**
 * Counts the tests of a run that ended with `exitCode`. A file that failed outside its tests (it did not load, a hook threw)
 * counts as one failure, and so does a run that failed without any: no report, or an uncaught error.
 */
export function tallyOf(report: VitestReport | undefined, exitCode: number): Tally {
  const tally = { passed: 0, failed: 0 };
  for (const { status, assertionResults } of report?.testResults ?? []) {
    const failed = assertionResults.filter((test) => test.status === 'failed').length;
    tally.passed += assertionResults.filter((test) => test.status === 'passed').length;
    tally.failed += failed === 0 && status === 'failed' ? 1 : failed;
  }
  if (exitCode !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}

/** The sum of all tallies. */
export function total(tallies: readonly Tally[]): Tally {
  return tallies.reduce((sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }), {
    passed: 0,
    failed: 0,
  });
}

/** The summary line: the last line that `npm test` prints. */
export function summaryOf({ passed, failed }: Tally): string {
  return `${passed} passed, ${failed} failed`;
}
