import { expect, test } from 'vitest';
import { publishedCode, publishedMap, publishedReadme } from './published-text.ts';

test.each([
  { code: "import type { Key } from '@kuperator/api';", published: "import type { Key } from '@acme/api';" },
  { code: 'export { own } from "@kuperator/api";', published: 'export { own } from "@acme/api";' },
  { code: "export { a } from './cache/a.ts';", published: "export { a } from './cache/a.js';" },
  { code: "import '../a.ts';", published: "import '../a.js';" },
  { code: 'type A = import("./a.ts").A;', published: 'type A = import("./a.js").A;' },
  { code: "const file = './a.ts';", published: "const file = './a.ts';" },
  { code: "const label = 'kuperator/api';", published: "const label = 'kuperator/api';" },
])('$code', ({ code, published }) => {
  expect(publishedCode(code, '@acme/')).toBe(published);
});

test('a README keeps its links to the web and loses those into the repository', () => {
  const text = '# @kuperator/api\n\nSee [the guide](../../docs/guide.md), [Go](https://go.dev) and [below](#names).';
  const published = '# @acme/api\n\nSee the guide, [Go](https://go.dev) and [below](#names).';
  expect(publishedReadme(text, '@acme/')).toBe(published);
});

test('a source map names no path of the machine that packed it', () => {
  const map = { version: 3, sources: ['/home/me/libs/api/src/own.ts'], mappings: 'AAAA' };
  expect(JSON.parse(publishedMap(JSON.stringify(map), '../src/own.ts'))).toEqual({
    ...map,
    sources: ['../src/own.ts'],
  });
});
