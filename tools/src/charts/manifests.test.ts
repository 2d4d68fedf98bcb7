import { expect, test } from 'vitest';
import { excessiveRights, manifestsIn } from './manifests.ts';

test('empty documents between manifests are left out', () => {
  expect(manifestsIn('---\n# nothing\n---\nkind: A\nmetadata: { name: a }\n---\n')).toEqual([
    { kind: 'A', metadata: { name: 'a' } },
  ]);
});

test('broken YAML is an error', () => {
  expect(() => manifestsIn('a: [')).toThrow();
});

test.each([
  { rule: { apiGroups: [''], resources: ['pods'], verbs: ['get'] }, excessive: false },
  { rule: { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }, excessive: true },
  { rule: { apiGroups: [''], resources: ['pods'], verbs: ['*'] }, excessive: true },
  { rule: { apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }, excessive: true },
])('$rule is excessive: $excessive', ({ rule, excessive }) => {
  const role = { kind: 'ClusterRole', metadata: { name: 'a' }, rules: [rule] };
  expect(excessiveRights([role])).toHaveLength(excessive ? 1 : 0);
});

test.each([
  { kind: 'Role', names: ['own'], excessive: false },
  { kind: 'Role', names: [], excessive: true },
  { kind: 'ClusterRole', names: ['own'], excessive: true },
])('Secrets $names of a $kind are excessive: $excessive', ({ kind, names, excessive }) => {
  const rule = { apiGroups: [''], resources: ['secrets'], resourceNames: names, verbs: ['get'] };
  expect(excessiveRights([{ kind, metadata: { name: 'a' }, rules: [rule] }])).toHaveLength(excessive ? 1 : 0);
});
