import type { Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import { fieldReader } from './field-path.ts';

const pod: Pod = {
  metadata: {
    name: 'web-0',
    namespace: 'shop',
    uid: 'uid-0',
    labels: { tier: 'a', app: 'w"eb' },
    annotations: { 'example.com/Note': 'one\ntwo\u200b\u0001' },
  },
  spec: { containers: [{ name: 'app', image: 'app:v1' }], nodeName: 'node-1', hostNetwork: true, priority: 7 },
  status: { podIP: '10.0.0.1', conditions: [] },
};

test.each([
  ['metadata.name', 'web-0'],
  ['metadata.namespace', 'shop'],
  ['metadata.uid', 'uid-0'],
  ['metadata.labels', 'app="w\\"eb"\ntier="a"'],
  ['metadata.annotations', 'example.com/Note="one\\ntwo\\u200b\\x01"'],
  ["metadata.labels['tier']", 'a'],
  ["metadata.labels['none']", ''],
  ["metadata.annotations['example.com/Note']", 'one\ntwo\u200b\u0001'],
  ["metadata.annotations['EXAMPLE.com/note']", ''],
  ['status.podIP', '10.0.0.1'],
  ['spec.nodeName', 'node-1'],
  ['spec.hostNetwork', 'true'],
  ['spec.priority', '7'],
  ['status.conditions', '[]'],
  ['spec.containers', '[{"name":"app","image":"app:v1"}]'],
  ['metadata.labels.tier', 'a'],
  ['status.startTime', ''],
  ['status.podIP.part', ''],
])('reads %s as %j', (path, value) => {
  const read = fieldReader(path);
  expect(typeof read === 'string' ? read : read(pod)).toBe(value);
});

test('reads a path through a missing field as empty (H7)', () => {
  const read = fieldReader('spec.none.of.this');
  expect(typeof read === 'string' ? read : read(pod)).toBe('');
  const inherited = fieldReader('spec.constructor.name');
  expect(typeof inherited === 'string' ? inherited : inherited(pod)).toBe('');
});

test.each([
  ['', 'fieldPath "" cannot be read'],
  ['spec.containers[0].image', 'fieldPath "spec.containers[0].image" cannot be read'],
  ['status..podIP', 'fieldPath "status..podIP" cannot be read'],
  ["metadata.labels['a b']", 'names "a b", which is no label key'],
  ["metadata.labels['EXAMPLE.com/x']", 'which is no label key'],
  ["metadata.annotations['a/b/c']", 'names "a/b/c", which is no annotation key'],
])('%s must be corrected by the user (H7)', (path, problem) => {
  expect(fieldReader(path)).toContain(problem);
});
