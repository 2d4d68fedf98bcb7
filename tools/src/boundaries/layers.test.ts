import { expect, test } from 'vitest';
import { type Layers, layerViolations } from './layers.ts';

const layers: Layers = { src: ['process', 'client', ['cache', 'shards'], 'controller', 'sight.ts'] };
const present = [
  ...'process client cache shards controller'.split(' ').map((name) => `src/${name}/a.ts`),
  'src/sight.ts',
];

/** Checks one import, made by the file at `path`. */
function check(path: string, specifier: string): string[] {
  const others = present.filter((each) => each !== path).map((each) => ({ path: each, imports: [] }));
  return layerViolations({ layers, files: [...others, { path, imports: [specifier] }] });
}

test.each([
  { path: 'src/controller/a.ts', specifier: '../cache/a.ts', why: 'a lower layer' },
  { path: 'src/controller/a.ts', specifier: '../process/deep/b.ts', why: 'a folder of a lower layer' },
  { path: 'src/client/a.ts', specifier: './b.ts', why: 'the same folder' },
  { path: 'src/client/deep/a.ts', specifier: '../b.ts', why: 'the same layer from a folder in it' },
  { path: 'src/sight.ts', specifier: './controller/a.ts', why: 'a lower layer, by a file that is a layer' },
  { path: 'src/index.ts', specifier: './controller/a.ts', why: 'any layer, by a file above all layers' },
  { path: 'src/index.ts', specifier: './operator.ts', why: 'a file above all layers, by another one' },
  { path: 'src/process/a.test.ts', specifier: '../controller/a.ts', why: 'any layer, by a test' },
  { path: 'src/test/world.ts', specifier: '../controller/a.ts', why: 'any layer, by a builder for tests' },
  { path: 'src/process/a.ts', specifier: '@kuperator/api', why: 'another package' },
])('$path may import $specifier: $why', ({ path, specifier }) => {
  expect(check(path, specifier)).toEqual([]);
});

test.each([
  {
    path: 'src/client/a.ts',
    specifier: '../cache/a.ts',
    problem: 'src/client/a.ts: imports ../cache/a.ts: in src, client may import process, not cache',
  },
  {
    path: 'src/process/a.ts',
    specifier: '../client/a.ts',
    problem: 'src/process/a.ts: imports ../client/a.ts: in src, process may import no other layer, not client',
  },
  {
    path: 'src/cache/a.ts',
    specifier: '../shards/a.ts',
    problem: 'src/cache/a.ts: imports ../shards/a.ts: in src, cache may import process, client, not shards',
  },
  {
    path: 'src/cache/a.ts',
    specifier: '../operator.ts',
    problem:
      'src/cache/a.ts: imports ../operator.ts: src/operator.ts stands above all layers, so cache may not import it',
  },
  {
    path: 'src/controller/a.ts',
    specifier: '../sight.ts',
    problem:
      'src/controller/a.ts: imports ../sight.ts: in src, controller may import process, client, cache, shards, not sight.ts',
  },
])('$path may not import $specifier', ({ path, specifier, problem }) => {
  expect(check(path, specifier)).toEqual([problem]);
});

test('reports a layer that does not exist, and a folder that no layer names', () => {
  const files = [{ path: 'src/cache/a.ts', imports: [] }];
  expect(layerViolations({ layers: { src: ['client'] }, files })).toEqual([
    'package.json: the layers of src name client, which does not exist',
    'package.json: the layers of src do not name its folder cache',
  ]);
});

test('checks each folder with an order of its own, and no other', () => {
  const files = [
    { path: 'src/collaset/plan/a.ts', imports: ['../act/a.ts', '../../config.ts'] },
    { path: 'src/collaset/act/a.ts', imports: ['../plan/a.ts'] },
    { path: 'src/webhook/a.ts', imports: ['../collaset/act/a.ts'] },
  ];
  expect(layerViolations({ layers: { 'src/collaset': ['plan', 'act'] }, files })).toEqual([
    'src/collaset/plan/a.ts: imports ../act/a.ts: in src/collaset, plan may import no other layer, not act',
  ]);
});
