import { type ControllerRevision, REVISION_COLLISION_LABEL, REVISION_HASH_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { claimTemplateHash } from './claims.ts';
import { nameSuffix, safeHash } from './fnv.ts';
import { expiredRevisions, planRevision, revisionFor, revisionName } from './revision.ts';
import { revisionBytes, revisionDataOf, revisionOf } from './revision-data.ts';

const FOO =
  '{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"foo"}},"spec":{"containers":[{"image":"nginx:1.25.2","name":"nginx","resources":{}}]}}}}';
const claims = [
  { metadata: { name: 'd' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
];
const foo = aSet({
  template: { metadata: { labels: { app: 'foo' } }, spec: { containers: [{ name: 'nginx', image: 'nginx:1.25.2' }] } },
  selector: { matchLabels: { app: 'foo' } },
});
const fooWithClaims = { ...foo, spec: { ...foo.spec, volumeClaimTemplates: claims } };

function stored(name: string, number: number, data: unknown): ControllerRevision {
  return { metadata: { name, namespace: 'default', uid: `${name}-uid`, resourceVersion: '1' }, data, revision: number };
}

describe('the stored form', () => {
  test('has the bytes, hash and name the Go implementation gives it', () => {
    expect(revisionBytes(revisionDataOf({ ...foo, spec: { ...foo.spec, template: templateOf('foo') } }))).toBe(FOO);
    expect(safeHash(`${FOO}0`)).toBe('74f5b5d9f9');
    const revision = revisionFor({ ...foo, spec: { ...foo.spec, template: templateOf('foo') } }, 0, 1);
    expect(revision.metadata).toMatchObject({
      name: 'web-74f5b5d9f9',
      labels: { app: 'foo', [REVISION_HASH_LABEL]: '74f5b5d9f9', [REVISION_COLLISION_LABEL]: '0' },
    });
  });

  test('holds the claim templates too', () => {
    const set = { ...fooWithClaims, spec: { ...fooWithClaims.spec, template: templateOf('foo') } };
    expect(safeHash(`${revisionBytes(revisionDataOf(set))}0`)).toBe('fbcddd6d8');
  });

  test('a claim template has the hash the Go implementation labels claims with', () => {
    const template = {
      metadata: { name: 'pvc-test' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100m' } } },
    };
    expect(claimTemplateHash(template)).toBe('66c495d878');
  });

  test('escapes what Go escapes', () => {
    const data = revisionDataOf(
      aSet({ template: { metadata: { annotations: { a: '<&>' } }, spec: { containers: [] } } }),
    );
    expect(revisionBytes(data)).toContain('"a":"\\u003c\\u0026\\u003e"');
  });

  test('names fit a label value, whatever the name of the set (T56)', () => {
    expect(revisionName('s'.repeat(80), '74f5b5d9f9')).toBe(`${'s'.repeat(52)}-74f5b5d9f9`);
    expect(revisionName('1-My.Set', 'abc')).toBe('my-set-abc');
  });
});

describe('planRevision', () => {
  const data = revisionDataOf(foo);
  const other = revisionDataOf(aSet());

  test.each([
    { name: 'creates the first', owned: [], action: 'create' },
    { name: 'reuses the newest when equal', owned: [stored('a', 1, other), stored('b', 2, data)], action: 'reuse' },
    { name: 'raises an older one on rollback', owned: [stored('a', 1, data), stored('b', 2, other)], action: 'raise' },
    { name: 'creates when none is equal', owned: [stored('a', 1, other)], action: 'create' },
    { name: 'passes over what it cannot read', owned: [stored('a', 1, { what: 'ever' })], action: 'create' },
  ])('$name', ({ owned, action }) => {
    expect(planRevision(foo, owned, 0).action).toBe(action);
  });

  test('gives a raised or created revision the highest number', () => {
    expect(planRevision(foo, [stored('a', 4, data), stored('b', 7, other)], 0)).toMatchObject({ number: 8 });
    expect(planRevision(foo, [stored('b', 7, other)], 0)).toMatchObject({ revision: { revision: 8 } });
  });

  test('takes revisions for equal that mean the same, so a takeover rolls nothing', () => {
    const container = { name: 'nginx', image: 'nginx', env: [{ name: 'E' }], resources: { limits: { cpu: '500m' } } };
    const byGo = {
      spec: {
        template: {
          $patch: 'replace',
          metadata: { creationTimestamp: null, labels: { app: 'foo' } },
          spec: { containers: [container], volumes: [{ name: 'v', emptyDir: {} }] },
        },
      },
    };
    const set = aSet({
      template: {
        metadata: { labels: { app: 'foo' }, annotations: {} },
        spec: {
          containers: [
            {
              resources: { limits: { cpu: '0.5' } },
              env: [{ name: 'E', value: '' }],
              image: 'nginx',
              name: 'nginx',
              ports: [],
              tty: false,
            },
          ],
          volumes: [{ name: 'v', emptyDir: {} }],
          nodeSelector: {},
        },
      },
    });
    expect(planRevision(set, [stored('go', 1, byGo)], 0).action).toBe('reuse');
  });

  test.each([
    { name: 'an empty label value', before: { metadata: { labels: { a: '' } } }, after: { metadata: { labels: {} } } },
    {
      name: 'a false that is a pointer',
      before: { spec: { automountServiceAccountToken: false } },
      after: { spec: {} },
    },
    { name: 'a zero that is a pointer', before: { spec: { terminationGracePeriodSeconds: 0 } }, after: { spec: {} } },
    {
      name: 'order in a list',
      before: { spec: { tolerations: [{ key: 'a' }, { key: 'b' }] } },
      after: { spec: { tolerations: [{ key: 'b' }, { key: 'a' }] } },
    },
  ])('tells $name from none', ({ before, after }) => {
    const meaning = (template: object) =>
      revisionOf('', { spec: { template: { spec: { containers: [] }, ...template } } } as never).meaning;
    expect(meaning(before)).not.toBe(meaning(after));
  });
});

test('keeps the history limit and what is in use, however old (T57)', () => {
  const owned = [1, 2, 3, 4, 5, 6].map((number) => stored(`r${number}`, number, {}));
  const expired = expiredRevisions(aSet({ historyLimit: 1 }), owned, new Set(['r1', 'r6']));
  expect(expired.map(({ metadata }) => metadata.name)).toEqual(['r2', 'r3', 'r4']);
  expect(expiredRevisions(aSet({}), owned, new Set())).toEqual([]);
});

test('name suffixes rarely collide', () => {
  const suffixes = new Set(Array.from({ length: 3000 }, (_, id) => nameSuffix(`7f1d3bb2/${id}/0`)));
  expect(suffixes.size).toBeGreaterThan(2997);
  for (const suffix of suffixes) expect(suffix).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

function templateOf(app: string) {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: 'nginx', image: 'nginx:1.25.2' }] } };
}
