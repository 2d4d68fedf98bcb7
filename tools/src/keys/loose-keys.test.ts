import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';
import { afterAll, expect, test } from 'vitest';
import { looseKeysOf } from './loose-keys.ts';

const DECLARATIONS = `
declare const record: Record<string, string>;
declare const maybe: { labels?: Record<string, string> } | undefined;
declare const parsed: any;
declare const list: string[];
declare const text: string;
declare const key: string;
declare const unknownKey: any;
declare const id: \`operating/\${string}\`;
declare const index: number;
declare const either: 'a' | 'b';
declare const symbol: unique symbol;
const LABEL = 'kusionstack.io/control';
enum Verb { get, list }
declare const verb: Verb;
`;

const loose = [
  { name: 'a record read by a string', source: 'record[key]' },
  { name: 'an optional record read by a string', source: 'maybe?.labels?.[key]' },
  { name: 'a record read by a computed string', source: 'record[`a`.concat(key)]' },
  { name: 'a record read by a template type', source: 'record[id]' },
  { name: 'a record read by any', source: 'record[unknownKey]' },
  { name: 'any value read by a string', source: 'parsed.items[key]' },
  { name: 'a key that is only asserted to be known', source: "record[key as 'a']" },
  { name: 'a key that is asserted twice', source: "record[(key as unknown) as 'a']" },
  { name: 'a written record', source: 'record[key] = text' },
  { name: 'a record that is counted in', source: 'parsed[key] += 1' },
  { name: 'in', source: 'key in record' },
  { name: 'a destructured record', source: 'const { [key]: value } = record' },
  {
    name: 'a destructured parameter',
    source: 'function f({ [key]: value }: Record<string, string>) { return value; }',
  },
  { name: 'an assignment that destructures', source: 'let value = ""; ({ [key]: value } = record)' },
  { name: 'Object.assign', source: 'Object.assign({}, record)' },
  { name: 'Reflect.get', source: 'Reflect.get(record, key)' },
  { name: 'a generic key', source: 'function f<T, K extends keyof T>(object: T, name: K) { return object[name]; }' },
  { name: 'a use inside another', source: "record['a' + record[key]]", count: 2 },
];

const fine = [
  { name: 'an index of a list', source: 'list[index]' },
  { name: 'a literal key', source: "record['a']" },
  { name: 'a constant key', source: 'record[LABEL]' },
  { name: 'one of several literal keys', source: 'record[either]' },
  { name: 'a generic key of literals', source: "function f<K extends 'a' | 'b'>(name: K) { return record[name]; }" },
  { name: 'a symbol', source: 'parsed[symbol]' },
  { name: 'an enum', source: 'parsed[verb]' },
  { name: 'a known name by in', source: "'a' in record" },
  { name: 'a private field by in', source: 'class A { #x = 1; static is(o: object) { return #x in o; } }' },
  { name: 'a delete', source: 'delete parsed[key]' },
  { name: 'a computed name in a literal', source: '({ [key]: text })' },
  { name: 'a Map', source: 'new Map<string, string>().get(key)' },
  { name: 'own properties', source: 'Object.hasOwn(record, key)' },
];

const files: Record<string, string> = {
  '/checked/tsconfig.json': JSON.stringify({ compilerOptions: { target: 'es2024', strict: true, types: [] } }),
};
const fileOf = new Map([...loose, ...fine].map(({ name }, number) => [name, `/checked/case-${number}.ts`]));
for (const { name, source } of [...loose, ...fine]) {
  files[fileOf.get(name) ?? ''] = `export {};${DECLARATIONS}\n${source};\n`;
}
const api = new API({ cwd: '/checked', fs: createVirtualFileSystem(files) });
const project = api.updateSnapshot({ openProjects: ['/checked/tsconfig.json'] }).getProject('/checked/tsconfig.json');
afterAll(() => api.close());

function found(name: string): number {
  if (!project) throw new Error('the project of the cases was not opened');
  return looseKeysOf(project, (file) => file === fileOf.get(name)).length;
}

test.each(loose)('reports $name', ({ name, count = 1 }) => {
  expect(found(name)).toBe(count);
});

test.each(fine)('accepts $name', ({ name }) => {
  expect(found(name)).toBe(0);
});

test('a report names the place and the remedy', () => {
  if (!project) throw new Error('the project of the cases was not opened');
  const [first] = looseKeysOf(project, (file) => file === fileOf.get('a written record'));
  const line = DECLARATIONS.split('\n').length + 1;
  expect(first).toMatchObject({ file: fileOf.get('a written record'), line, text: 'record[key]' });
  expect(first?.remedy).toContain('setOwn');
});
