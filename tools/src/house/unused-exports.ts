import { posix } from 'node:path';
import { isTestFile } from '../boundaries/test-files.ts';
import type { ExportFact, FileFacts } from './file-facts.ts';

/** An export of a file that no other file uses, or that only tests use. */
export type UnusedExport = { path: string; name: string; line: number; usedBy: 'nothing' | 'tests' };

/**
 * Finds the exports that no other file imports, and those that only tests import. A file that passes an export on does
 * not use it; whoever imports it from there does. An import of a whole module uses all of its exports.
 * @param packages the entry file of each package by the package's name
 */
export function unusedExports(files: readonly FileFacts[], packages: ReadonlyMap<string, string>): UnusedExport[] {
  const usedBy = usersByExport(files, packages);
  return files
    .filter(({ path }) => !isTestFile(path))
    .flatMap(({ path, exports }) =>
      exports
        .filter(({ from }) => !from)
        .flatMap(({ name, line }): UnusedExport[] => {
          const users = usedBy.get(idOf(path, name)) ?? [];
          if (users.length === 0) return [{ path, name, line, usedBy: 'nothing' }];
          return users.every(isForTests) && !isForTests(path) ? [{ path, name, line, usedBy: 'tests' }] : [];
        }),
    );
}

/** Packages that only tests use, besides the tests of each package. */
function isForTests(path: string): boolean {
  return isTestFile(path) || /^(e2e|libs\/testing|tools)\//.test(path);
}

function usersByExport(files: readonly FileFacts[], packages: ReadonlyMap<string, string>): Map<string, string[]> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const users = new Map<string, string[]>();
  for (const file of files) {
    for (const { specifier, names } of file.imports) {
      const target = byPath.get(targetOf(file.path, specifier, packages) ?? '');
      if (!target || target === file) continue;
      for (const name of names === 'all' ? target.exports.map((each) => each.name) : names) {
        const id = originOf(target, name, { byPath, packages });
        users.set(id, [...(users.get(id) ?? []), file.path]);
      }
    }
  }
  return users;
}

type Modules = { byPath: ReadonlyMap<string, FileFacts>; packages: ReadonlyMap<string, string> };

/** The export that a name imported from `file` stands for, through every file that passes it on. */
function originOf(file: FileFacts, name: string, modules: Modules): string {
  const from = file.exports.find((each: ExportFact) => each.name === name)?.from;
  const source = from && modules.byPath.get(targetOf(file.path, from.specifier, modules.packages) ?? '');
  return source ? originOf(source, from.name, modules) : idOf(file.path, name);
}

function targetOf(path: string, specifier: string, packages: ReadonlyMap<string, string>): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : packages.get(specifier);
}

function idOf(path: string, name: string): string {
  return `${path}#${name}`;
}
