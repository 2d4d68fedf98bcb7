// Measures the code: sizes of files and functions, docs, comments, unused exports. It prints tables, and fails on nothing.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { API } from 'typescript/unstable/sync';
import { type FileFacts, factsOf } from './file-facts.ts';
import { folderImports, type Measures, measure } from './measures.ts';
import { type UnusedExport, unusedExports } from './unused-exports.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { details: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) {
  console.log(
    'node tools/src/house/main.ts [--details] [repository]\n\n--details also lists what the counts stand for',
  );
  process.exit(0);
}
const root = positionals[0] ?? join(import.meta.dirname, '..', '..', '..');
const folders = globSync('{{apps,libs,e2e}/*,tools}/package.json', { cwd: root })
  .map((path) => dirname(path))
  .toSorted();
const files = readFacts();
const unused = unusedExports(files, entries());

const rows = folders.map((folder) => {
  const own = files.filter(({ path }) => path.startsWith(`${folder}/`));
  return [folder, measure(own, unused)] as const;
});
printTable([['all', measure(files, unused)], ...rows]);
if (values.details) printDetails(unused, rows);

function readFacts(): FileFacts[] {
  const api = new API({ cwd: root });
  try {
    const configs = folders.map((folder) => join(root, folder, 'tsconfig.json'));
    const snapshot = api.updateSnapshot({ openProjects: configs });
    return configs.flatMap((config) => {
      const project = snapshot.getProject(config);
      if (!project) throw new Error(`${relative(root, config)} could not be opened`);
      const isOurs = (file: string) => file.startsWith(dirname(config)) && !file.endsWith('.gen.ts');
      return project.rootFiles.filter(isOurs).map((file) => {
        const source = project.program.getSourceFile(file);
        if (!source) throw new Error(`the compiler did not read ${file}`);
        return factsOf(source, relative(root, file));
      });
    });
  } finally {
    api.close();
  }
}

function entries(): Map<string, string> {
  return new Map(
    folders.flatMap((folder) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        name: string;
        exports?: Record<string, string>;
      };
      return Object.entries(manifest.exports ?? {}).map(
        ([name, path]) => [join(manifest.name, name), join(folder, path)] as const,
      );
    }),
  );
}

function printTable(rows: readonly (readonly [string, Measures])[]): void {
  console.log(
    '| package | files | lines | KB | test files | test lines | file median/p90 | function median/p90 | longest function | comments | documented exports | unused exports | only for tests | > 3 parameters | functions > 60 | files > 400 |',
  );
  console.log(`|${' --- |'.repeat(16)}`);
  for (const [name, m] of rows) {
    const cells = [
      name,
      m.files,
      m.lines,
      m.kilobytes,
      m.testFiles,
      m.testLines,
      `${m.fileLines.median}/${m.fileLines.p90}`,
      `${m.functionLines.median}/${m.functionLines.p90}`,
      m.longest ? `${m.longest.name} ${m.longest.lines}` : '',
      percent(m.commentShare),
      percent(m.documentedShare),
      m.unusedExports,
      m.exportsForTests,
      m.longParameterLists.length,
      m.longFunctions.length,
      m.longFiles.length,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

function printDetails(unused: readonly UnusedExport[], rows: readonly (readonly [string, Measures])[]): void {
  const sections: [string, readonly string[]][] = [
    ['Exports that no other file uses', unused.filter(({ usedBy }) => usedBy === 'nothing').map(lineOf)],
    ['Exports that only tests use', unused.filter(({ usedBy }) => usedBy === 'tests').map(lineOf)],
    ['Functions with more than three positional parameters', rows.flatMap(([, m]) => m.longParameterLists)],
    ['Functions of more than 60 lines', rows.flatMap(([, m]) => m.longFunctions)],
    ['Files of more than 400 lines', rows.flatMap(([, m]) => m.longFiles)],
    [
      'Imports between the folders of a package',
      folderImports(files).map(({ from, to, count }) => `${from} → ${to}: ${count}`),
    ],
  ];
  for (const [title, lines] of sections) {
    console.log(`\n${title}: ${lines.length}`);
    for (const line of lines) console.log(`  ${line}`);
  }
}

function lineOf({ path, line, name }: UnusedExport): string {
  return `${path}:${line} ${name}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
