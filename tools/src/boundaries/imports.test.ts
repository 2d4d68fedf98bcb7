import { expect, test } from 'vitest';
import { importsOf } from './imports.ts';

test.each([
  { name: 'a named import', source: "import { a, b } from 'x';", found: ['x'] },
  { name: 'an import over several lines', source: "import {\n  a,\n  type B,\n} from './x.ts';", found: ['./x.ts'] },
  { name: 'a type import', source: "import type { A } from 'x';", found: ['x'] },
  { name: 'a re-export', source: "export { a } from 'x';\nexport type { B } from 'y';", found: ['x', 'y'] },
  { name: 'a re-export of all', source: "export * from 'x';\nexport * as y from 'y';", found: ['x', 'y'] },
  { name: 'an import for its side effect', source: "import 'x';", found: ['x'] },
  { name: 'a dynamic import', source: "const x = await import('./x.ts');", found: ['./x.ts'] },
  { name: 'double quotes', source: 'import a from "x";', found: ['x'] },
  { name: 'no import in a comment', source: "// taken over from 'x'\n * import { a } from 'x';", found: [] },
  { name: 'no import in an exported value', source: "export const a = `from 'x'`;\nexport const b = 'x';", found: [] },
])('finds $name', ({ source, found }) => {
  expect(importsOf(source)).toEqual(found);
});
