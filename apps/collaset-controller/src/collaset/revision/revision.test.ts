import { type ControllerRevision, REVISION_COLLISION_LABEL, REVISION_HASH_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import { claimTemplateHash } from '../claims/claim-template.ts';
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
  test('has the bytes, hash and name of the Go implementation', () => {
    expect(revisionBytes(revisionDataOf({ ...foo, spec: { ...foo.spec, template: templateOf('foo') } }))).toBe(FOO);
    expect(safeHash(`${FOO}0`)).toBe('74f5b5d9f9');
    const revision = revisionFor({ ...foo, spec: { ...foo.spec, template: templateOf('foo') } }, 0, 1);
    expect(revision.metadata).toMatchObject({
      name: 'web-74f5b5d9f9',
      labels: { app: 'foo', [REVISION_HASH_LABEL]: '74f5b5d9f9', [REVISION_COLLISION_LABEL]: '0' },
    });
  });

  test('contains the claim templates', () => {
    const set = { ...fooWithClaims, spec: { ...fooWithClaims.spec, template: templateOf('foo') } };
    expect(safeHash(`${revisionBytes(revisionDataOf(set))}0`)).toBe('fbcddd6d8');
  });

  test('a claim template has the hash of the Go implementation', () => {
    const template = {
      metadata: { name: 'pvc-test' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100m' } } },
    };
    expect(claimTemplateHash(template)).toBe('66c495d878');
  });

  test('escapes the same characters as Go', () => {
    const data = revisionDataOf(
      aSet({ template: { metadata: { annotations: { a: '<&>' } }, spec: { containers: [] } } }),
    );
    expect(revisionBytes(data)).toContain('"a":"\\u003c\\u0026\\u003e"');
  });

  test('revision names are legal label values for every set name (T56)', () => {
    expect(revisionName('s'.repeat(80), '74f5b5d9f9')).toBe(`${'s'.repeat(52)}-74f5b5d9f9`);
    expect(revisionName('1-My.Set', 'abc')).toBe('my-set-abc');
    expect(revisionName('7-7--7', '75678')).toBe('7-7--7-75678');
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

  test('treats revisions with the same meaning as equal, so that a takeover updates no Pod', () => {
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

  // Revisions as the Go implementation stores them, with zero values, sorted keys, and the defaults that its users wrote.
  const byGoJson = (text: string) => stored('go', 3, JSON.parse(text));
  const goPod = (spec: string, claims = '') =>
    byGoJson(
      `{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"foo"}},"spec":${spec}}${claims}}}`,
    );
  const asWritten = (spec: object, volumeClaimTemplates?: object[]) => {
    const template = { metadata: { labels: { app: 'foo' } }, spec };
    return aSet({ template, ...(volumeClaimTemplates ? { volumeClaimTemplates } : {}) } as never);
  };
  test.each([
    {
      name: 'zero values of containers, probes and security contexts',
      byGo: goPod(
        '{"containers":[{"image":"nginx","livenessProbe":{"httpGet":{"path":"/","port":80}},"name":"nginx","resources":{},"securityContext":{"privileged":true}}],"initContainers":[{"image":"i","name":"i","resources":{}}],"securityContext":{}}',
      ),
      set: asWritten({
        initContainers: [{ name: 'i', image: 'i', command: [], env: null }],
        containers: [
          {
            name: 'nginx',
            image: 'nginx',
            securityContext: { privileged: true },
            livenessProbe: { httpGet: { port: 80, path: '/' }, initialDelaySeconds: 0 },
          },
        ],
        securityContext: {},
      }),
    },
    {
      name: 'volumes of every kind, without defaults (T47, T48)',
      byGo: goPod(
        '{"containers":[{"image":"nginx","name":"nginx","resources":{},"volumeMounts":[{"mountPath":"/a","name":"a"}]}],"volumes":[{"emptyDir":{},"name":"a"},{"configMap":{"defaultMode":420,"name":"c"},"name":"b"},{"hostPath":{"path":"/h"},"name":"h"}]}',
      ),
      set: asWritten({
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'b', configMap: { name: 'c', defaultMode: 420 } },
          { name: 'h', hostPath: { path: '/h', type: '' } },
        ],
        containers: [
          { image: 'nginx', volumeMounts: [{ name: 'a', mountPath: '/a', readOnly: false }], name: 'nginx' },
        ],
      }),
    },
    {
      name: 'claims, with their empty status, and amounts in another spelling',
      byGo: goPod(
        '{"containers":[{"image":"nginx","name":"nginx","resources":{"limits":{"cpu":"500m","memory":"1Gi"}}}]}',
        ',"volumeClaimTemplates":[{"metadata":{"creationTimestamp":null,"name":"d"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}},"status":{}}]',
      ),
      set: asWritten(
        { containers: [{ name: 'nginx', image: 'nginx', resources: { limits: { memory: '1024Mi', cpu: 0.5 } } }] },
        [
          {
            metadata: { name: 'd', labels: {} },
            spec: { resources: { requests: { storage: '1024Mi' } }, accessModes: ['ReadWriteOnce'] },
          },
        ],
      ),
    },
    {
      name: 'characters Go escapes, and null fields of a client',
      byGo: goPod(
        '{"containers":[{"args":["a \\u003c b \\u0026\\u0026 c"],"image":"nginx","name":"nginx","resources":{}}]}',
      ),
      set: asWritten({
        containers: [{ name: 'nginx', image: 'nginx', args: ['a < b && c'], lifecycle: null }],
        tolerations: [],
        nodeSelector: null,
      }),
    },
  ])('updates no Pod after a takeover from the Go implementation: $name', ({ byGo, set }) => {
    expect(planRevision(set, [byGo], 0)).toMatchObject({ action: 'reuse', revision: byGo });
  });

  test('keeps the history if the selector changes', () => {
    const moved = { ...foo, spec: { ...foo.spec, selector: { matchLabels: { tier: 'x' } } } };
    const labelled = { ...stored('a', 1, data), metadata: { name: 'a', labels: { app: 'foo' } } };
    expect(planRevision(moved, [labelled, stored('b', 2, other)], 0)).toMatchObject({
      action: 'raise',
      revision: { metadata: { name: 'a' } },
      number: 3,
    });
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
  ])('distinguishes $name from none', ({ before, after }) => {
    const meaning = (template: object) =>
      revisionOf('', { spec: { template: { spec: { containers: [] }, ...template } } } as never).meaning;
    expect(meaning(before)).not.toBe(meaning(after));
  });
});

test('keeps twenty unused revisions by default', () => {
  const owned = Array.from({ length: 30 }, (_, index) => stored(`r${index + 1}`, index + 1, {}));
  const expired = expiredRevisions(aSet({}), owned, new Set(['r1', 'r30']));
  expect(expired.map(({ metadata }) => metadata.name)).toEqual(['r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9']);
});

test('keeps the revisions within the history limit and all used ones (T57)', () => {
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
