import { type PersistentVolumeClaim, PVC_TEMPLATE_HASH_LABEL, PVC_TEMPLATE_NAME_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import vectors from '../../testdata/claim-template-hash.json' with { type: 'json' };
import { goQuantity } from '../revision/go-quantity.ts';
import type { ClaimTemplate } from '../revision/revision-data.ts';
import { differenceOfClaims } from './claim-growth.ts';
import { claimTemplateHash, isClaimOf } from './claim-template.ts';

const aTemplate = (spec: object = {}, metadata: object = {}): ClaimTemplate => ({
  metadata: { name: 'data', ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});

describe('the hash', () => {
  test.each(vectors.vectors)('equals the hash of the Go implementation (T109): $hash of $template.spec', ({
    hash,
    template,
  }) => {
    expect(claimTemplateHash(template as ClaimTemplate)).toBe(hash);
  });

  test('does not depend on the order in which the user wrote the fields', () => {
    const { metadata, spec } = aTemplate({ dataSource: { apiGroup: 'g', kind: 'k', name: 'n' } });
    const turned = { spec: { dataSource: { name: 'n', kind: 'k', apiGroup: 'g' }, ...turn(spec) }, metadata };
    expect(claimTemplateHash(turned as ClaimTemplate)).toBe(claimTemplateHash({ metadata, spec } as ClaimTemplate));
  });

  test('sorts labels as strings, even if they look like numbers', () => {
    const [one, other] = [
      { 9: 'a', 10: 'b' },
      { 10: 'b', 9: 'a' },
    ].map((labels) => claimTemplateHash(aTemplate({}, { labels })));
    expect(one).toBe(other);
  });
});

const turn = (record: object) => Object.fromEntries(Object.entries(record).toReversed());

test.each([
  ['1Gi', '1Gi'],
  ['1024Mi', '1Gi'],
  ['1536Mi', '1536Mi'],
  ['0.5Gi', '512Mi'],
  ['1.1Gi', '1181116006400m'],
  ['1023', '1023'],
  ['1073741824', '1073741824'],
  ['1000M', '1G'],
  ['1e9', '1e9'],
  ['1000e6', '1e9'],
  ['1E3', '1E3'],
  ['0.1', '100m'],
  ['100m', '100m'],
  ['0.0000000001', '1n'],
  ['-1024Mi', '-1Gi'],
  ['0Gi', '0'],
  ['+5', '+5'],
  ['1Xi', '1Xi'],
  ['', ''],
])('Go writes the quantity %j as %j', (value, expected) => expect(goQuantity(value)).toBe(expected));

describe('isClaimOf', () => {
  const aClaim = (spec: object = {}, hash = 'unknown'): PersistentVolumeClaim => ({
    metadata: { name: 'c', labels: { [PVC_TEMPLATE_NAME_LABEL]: 'data', [PVC_TEMPLATE_HASH_LABEL]: hash } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: 'standard',
      volumeMode: 'Filesystem',
      volumeName: 'pv-1',
      ...spec,
    },
  });
  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's1' };

  test.each<{ name: string; template: ClaimTemplate; claim?: PersistentVolumeClaim; is: boolean }>([
    { name: 'one with the defaults of the API server', template: aTemplate(), is: true },
    { name: 'one whose size is spelled otherwise', template: size('1024Mi'), is: true },
    { name: 'one of another size', template: size('2Gi'), is: false },
    { name: 'one of the class asked for', template: aTemplate({ storageClassName: 'standard' }), is: true },
    { name: 'one of another class', template: aTemplate({ storageClassName: 'fast' }), is: false },
    { name: 'one of a class, where none is asked for', template: aTemplate({ storageClassName: '' }), is: false },
    { name: 'one of the mode asked for', template: aTemplate({ volumeMode: 'Filesystem' }), is: true },
    { name: 'one of another mode', template: aTemplate({ volumeMode: 'Block' }), is: false },
    {
      name: 'one with the access modes in another order',
      template: aTemplate({ accessModes: ['ReadOnlyMany', 'ReadWriteOnce'] }),
      claim: aClaim({ accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }),
      is: true,
    },
    { name: 'one of other access modes', template: aTemplate({ accessModes: ['ReadWriteMany'] }), is: false },
    { name: 'one without the selector', template: aTemplate({ selector: { matchLabels: { a: '1' } } }), is: false },
    {
      name: 'one whose data source the API server wrote into both fields',
      template: aTemplate({ dataSource: snapshot }),
      claim: aClaim({ dataSource: snapshot, dataSourceRef: snapshot }),
      is: true,
    },
    {
      name: 'one made from another snapshot',
      template: aTemplate({ dataSource: { ...snapshot, name: 's2' } }),
      claim: aClaim({ dataSource: snapshot, dataSourceRef: snapshot }),
      is: false,
    },
    { name: 'one of a template of other labels', template: aTemplate({}, { labels: { a: '1' } }), is: true },
    { name: 'one of a template of another name', template: aTemplate({}, { name: 'log' }), is: false },
    {
      name: 'one with the hash, though the user has expanded it',
      template: aTemplate(),
      claim: aClaim({ resources: { requests: { storage: '3Gi' } } }, '55999b8fb9'),
      is: true,
    },
    {
      name: 'one with the hash of the user’s spelling, as earlier releases labelled it',
      template: size('1024Mi'),
      claim: aClaim({ resources: { requests: { storage: '3Gi' } } }, '79984c867'),
      is: true,
    },
    {
      name: 'one with the hash of the keys of a selector in the other order, as earlier releases labelled it',
      template: aTemplate({
        selector: {
          matchLabels: { b: '2', a: '1' },
          matchExpressions: [{ key: 'z', operator: 'In', values: ['y', 'x'] }],
        },
      }),
      claim: aClaim({ resources: { requests: { storage: '3Gi' } } }, '6bbb5f6459'),
      is: true,
    },
    {
      name: 'one with the hash of a data source without group, as earlier releases labelled it',
      template: aTemplate({ dataSource: { kind: 'PersistentVolumeClaim', name: 'x' } }),
      claim: aClaim({ resources: { requests: { storage: '3Gi' } } }, '57b9cdf66d'),
      is: true,
    },
  ])('$name: $is', ({ template, claim = aClaim(), is }) => expect(isClaimOf(claim, template)).toBe(is));

  function size(storage: string): ClaimTemplate {
    return aTemplate({ resources: { requests: { storage } } });
  }
});

test.each([
  {
    name: 'a size in another spelling',
    to: { resources: { requests: { storage: '1024Mi' } } },
    expected: { grows: [] },
  },
  { name: 'a mode that is the default', to: { volumeMode: 'Filesystem' }, expected: { grows: [] } },
  { name: 'a greater size', to: { resources: { requests: { storage: '2Gi' } } }, expected: { grows: ['data'] } },
  { name: 'a smaller size', to: { resources: { requests: { storage: '1M' } } }, expected: 'other' },
  { name: 'another mode', to: { volumeMode: 'Block' }, expected: 'other' },
  { name: 'a data source', to: { dataSource: { kind: 'k', name: 'n' } }, expected: 'other' },
])('between templates, $name is $expected', ({ to, expected }) => {
  expect(differenceOfClaims([aTemplate()], [aTemplate(to)])).toEqual(expected);
});
