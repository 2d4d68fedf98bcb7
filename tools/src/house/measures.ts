import { posix } from 'node:path';
import { isTestFile } from '../boundaries/test-files.ts';
import type { FileFacts, FunctionFact } from './file-facts.ts';
import type { UnusedExport } from './unused-exports.ts';

const MAX_FILE_LINES = 400;
const MAX_PARAMETERS = 3;
const MAX_FUNCTION_LINES = 60;

/** The measures of the code of a package, tests apart. Line counts are medians and 90th percentiles of files and functions. */
export type Measures = {
  files: number;
  lines: number;
  /** Size of the sources. */
  kilobytes: number;
  testFiles: number;
  testLines: number;
  fileLines: { median: number; p90: number };
  functionLines: { median: number; p90: number };
  longest: { name: string; path: string; lines: number } | undefined;
  /** Share of lines that hold nothing but a comment, from 0 to 1. */
  commentShare: number;
  /** Share of exported declarations that have a doc, from 0 to 1. */
  documentedShare: number;
  unusedExports: number;
  exportsForTests: number;
  /** `path:line name`, for functions with more than three positional parameters. */
  longParameterLists: readonly string[];
  /** `path:line name (lines)`, for functions of more than 60 lines. */
  longFunctions: readonly string[];
  /** `path (lines)`, for files of more than 400 lines. */
  longFiles: readonly string[];
};

/** Measures some files, e.g. those of a package. Functions count for the lengths only if they have a name. */
export function measure(files: readonly FileFacts[], unused: readonly UnusedExport[]): Measures {
  const code = files.filter(({ path }) => !isTestFile(path));
  const tests = files.filter(({ path }) => isTestFile(path));
  const functions = code.flatMap(({ path, functions }) => functions.map((each) => ({ ...each, path })));
  const named = functions.filter(hasName);
  const declared = code.flatMap(({ exports }) => exports.filter(({ from }) => !from));
  const longest = named.toSorted((a, b) => b.lines - a.lines)[0];
  const lines = sum(code.map((file) => file.lines));
  const paths = new Set(code.map(({ path }) => path));
  const own = unused.filter(({ path }) => paths.has(path));
  return {
    files: code.length,
    lines,
    kilobytes: Math.round(sum(code.map(({ bytes }) => bytes)) / 1000),
    testFiles: tests.length,
    testLines: sum(tests.map((file) => file.lines)),
    fileLines: spread(code.map((file) => file.lines)),
    functionLines: spread(named.map((each) => each.lines)),
    longest: longest && { name: longest.name, path: longest.path, lines: longest.lines },
    commentShare: share(sum(code.map(({ commentLines }) => commentLines)), lines),
    documentedShare: share(declared.filter(({ isDocumented }) => isDocumented).length, declared.length),
    unusedExports: own.filter(({ usedBy }) => usedBy === 'nothing').length,
    exportsForTests: own.filter(({ usedBy }) => usedBy === 'tests').length,
    longParameterLists: functions
      .filter(({ parameters }) => parameters > MAX_PARAMETERS)
      .map(({ path, line, name = 'a function without a name' }) => `${path}:${line} ${name}`),
    longFunctions: named
      .filter((each) => each.lines > MAX_FUNCTION_LINES)
      .map(({ path, line, name, lines }) => `${path}:${line} ${name} (${lines})`),
    longFiles: code.filter((file) => file.lines > MAX_FILE_LINES).map((file) => `${file.path} (${file.lines})`),
  };
}

/** How often files of one folder of a package import files of another, as `from → to`, most frequent first. */
export function folderImports(files: readonly FileFacts[]): readonly { from: string; to: string; count: number }[] {
  const counts = new Map<string, { from: string; to: string; count: number }>();
  for (const { path, imports } of files) {
    if (isTestFile(path)) continue;
    const from = posix.dirname(path);
    for (const { specifier } of imports) {
      if (!specifier.startsWith('.')) continue;
      const to = posix.dirname(posix.join(from, specifier));
      if (to === from) continue;
      const entry = counts.get(`${from}→${to}`) ?? { from, to, count: 0 };
      counts.set(`${from}→${to}`, { ...entry, count: entry.count + 1 });
    }
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count);
}

function hasName(fact: FunctionFact & { path: string }): fact is FunctionFact & { path: string; name: string } {
  return fact.name !== undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** The middle value and the one that nine in ten do not exceed; 0 for no values. */
export function spread(values: readonly number[]): { median: number; p90: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)] ?? 0;
  return { median: at(0.5), p90: at(0.9) };
}
