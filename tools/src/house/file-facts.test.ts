import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';
import { expect, test } from 'vitest';
import { type FileFacts, factsOf } from './file-facts.ts';

function factsOfText(text: string): FileFacts {
  const fs = createVirtualFileSystem({ '/src/a.ts': text, '/tsconfig.json': '{ "files": ["src/a.ts"] }' });
  const api = new API({ cwd: '/', fs });
  try {
    const source = api
      .updateSnapshot({ openProjects: ['/tsconfig.json'] })
      .getProject('/tsconfig.json')
      ?.program.getSourceFile('/src/a.ts');
    if (!source) throw new Error('the compiler did not read the text');
    return factsOf(source, 'src/a.ts');
  } finally {
    api.close();
  }
}

test('counts lines, and lines that hold nothing but a comment', () => {
  const { lines, commentLines } = factsOfText(
    '// one\n/**\n * two\n */\nconst a = 1; // not this one\n\nconst b = 2;\n',
  );
  expect({ lines, commentLines }).toEqual({ lines: 7, commentLines: 4 });
});

test('measures the size in bytes, not in characters', () => {
  expect(factsOfText("const a = 'é';\n").bytes).toBe(16);
});

test('finds every function with a body, its name, its lines and its parameters', () => {
  const { functions } = factsOfText(`
function plain(a: number, b: number): number;
function plain(a: number, b: number) {
  return a + b;
}
const arrow = (a: number) => a;
class Box {
  field = () => 1;
  constructor(a: number) {}
  get value() { return 1; }
  method(a: number, b: number, c: number, d: number) {
    return [a].map((each) => each);
  }
}
const table = { row: () => 1 };
`);
  expect(functions).toEqual([
    { name: 'plain', line: 3, lines: 3, parameters: 2 },
    { name: 'arrow', line: 6, lines: 1, parameters: 1 },
    { name: 'field', line: 8, lines: 1, parameters: 0 },
    { name: 'constructor', line: 9, lines: 1, parameters: 1 },
    { name: 'value', line: 10, lines: 1, parameters: 0 },
    { name: 'method', line: 11, lines: 3, parameters: 4 },
    { name: undefined, line: 12, lines: 1, parameters: 1 },
    { name: 'row', line: 15, lines: 1, parameters: 0 },
  ]);
});

test('finds what a file exports, whether it has a doc, and what it passes on', () => {
  const { exports } = factsOfText(`
/** A doc. */
export const one = 1, two = 2;
export type Shape = { a: number };
export async function run() {}
export class Box {}
export { a as b, type C } from './c.ts';
const hidden = 1;
`);
  expect(exports).toEqual([
    { name: 'one', line: 3, isDocumented: true },
    { name: 'two', line: 3, isDocumented: true },
    { name: 'Shape', line: 4, isDocumented: false },
    { name: 'run', line: 5, isDocumented: false },
    { name: 'Box', line: 6, isDocumented: false },
    { name: 'b', line: 7, isDocumented: true, from: { specifier: './c.ts', name: 'a' } },
    { name: 'C', line: 7, isDocumented: true, from: { specifier: './c.ts', name: 'C' } },
  ]);
});

test('finds the names that a file imports, under the names of their module', () => {
  const { imports } = factsOfText(`
import './effect.ts';
import d, { a as b, type C } from './c.ts';
import * as all from './all.ts';
const later = await import('./later.ts');
`);
  expect(imports).toEqual([
    { specifier: './effect.ts', names: [] },
    { specifier: './c.ts', names: ['default', 'a', 'C'] },
    { specifier: './all.ts', names: 'all' },
    { specifier: './later.ts', names: 'all' },
  ]);
});

test('finds what a script in a template string imports', () => {
  const { imports } = factsOfText(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a file, with a template string in it
    "const script = `import { run, stop } from ${source('run.ts')};\\n    await run();`;",
  );
  expect(imports).toEqual([{ specifier: './run.ts', names: ['run', 'stop'] }]);
});
