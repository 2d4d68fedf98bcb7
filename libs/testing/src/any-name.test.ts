import { PODS } from '@kuperator/api';
import { compileLabelSelector } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { answerFor, INHERITED_NAMES, plainNameLike } from './any-name.ts';
import { aPod } from './builders.ts';
import { InMemoryCluster } from './in-memory-cluster.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic-merge-patch.ts';

test.each(INHERITED_NAMES)('patches set and remove a field named %s like any other', (name) => {
  const answers = (field: string) => [
    mergePatch({}, { [field]: { a: 1 } }),
    mergePatch({ [field]: { a: 1 } }, { [field]: { b: 2 } }),
    mergePatch({ [field]: { a: 1 } }, { [field]: null }),
    strategicMergePatch({}, { labels: { [field]: 'a' }, [field]: [{ name: 'a' }] }),
    strategicMergePatch({ containers: [{ name: field, image: 'a' }] }, { containers: [{ name: field, image: 'b' }] }),
  ];
  expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
});

test.each(INHERITED_NAMES)('a label selector of a query for %s finds only objects with the label', (name) => {
  const answers = (key: string) =>
    [key, `!${key}`, `${key}=a`, `${key}!=a`, `${key} in (a)`, `${key} notin (a)`].map((selector) =>
      [{}, { [key]: 'a' }, undefined].map((labels) => compileLabelSelector(selector)(labels)),
    );
  expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
});

test.each(INHERITED_NAMES)('the in-memory cluster stores an annotation %s', async (name) => {
  const cluster = new InMemoryCluster();
  cluster.add(PODS, aPod({ metadata: { name: 'a' } }));
  const patch = { type: 'merge', body: { metadata: { annotations: { [name]: 'text' } } } } as const;
  await cluster.client.patch(PODS, { namespace: 'default', name: 'a' }, patch);
  expect(Object.entries(cluster.get(PODS, 'default/a')?.metadata.annotations ?? {})).toEqual([[name, 'text']]);
});
