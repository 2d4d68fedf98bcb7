import { aCollaSet } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { type OwnerKind, ownerKinds, ownersFrom, type ReplicaOwner, trimCollaSet, trimOwner } from './owners.ts';

type Found = ReturnType<OwnerKind['get']>;
const wanted = (apiVersion: string, kind: string, found: Found, uid = 'set-uid') => {
  const get = () => found;
  const kinds = ownerKinds({ collaSet: get, replicaSet: get, statefulSet: get });
  return ownersFrom(kinds, { byIndex: () => [] }).wanted({ apiVersion, kind, name: 'set', uid }, 'default');
};
const leaving = <T extends ReplicaOwner>(owner: T): T => ({
  ...owner,
  metadata: { ...owner.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
});

describe('an owner desires its replicas, and none while it is being deleted', () => {
  const set = aCollaSet({ metadata: { name: 'set' }, spec: { replicas: 3 } });
  const ours = 'apps.kusionstack.io/v1alpha1';

  test('a CollaSet', () => {
    expect(wanted(ours, 'CollaSet', trimCollaSet(set))).toBe(3);
    expect(wanted(ours, 'CollaSet', trimCollaSet(leaving(set)))).toBe(0);
  });

  test.each(['ReplicaSet', 'StatefulSet'])('a %s desires one Pod if its replicas are unset (H6)', (kind) => {
    const owner = {
      metadata: { name: 'set', uid: 'set-uid', labels: { a: 'b' } },
      spec: { replicas: 4, template: {} },
    };
    expect(wanted('apps/v1', kind, trimOwner(owner))).toBe(4);
    expect(wanted('apps/v1', kind, trimOwner(leaving(owner)))).toBe(0);
    expect(wanted('apps/v1', kind, trimOwner({ metadata: owner.metadata }))).toBe(1);
    expect(trimOwner(owner)).toEqual({ metadata: { name: 'set', uid: 'set-uid' }, spec: { replicas: 4 } });
  });

  test('that has not been read yet does not count as an owner without a desired number', () => {
    expect(wanted('apps/v1', 'StatefulSet', 'unread')).toBe('unread');
  });
});

test.each([
  { name: 'of another kind', apiVersion: 'batch/v1', kind: 'Job' },
  { name: 'of the same kind in another group', apiVersion: 'example.com/v1', kind: 'StatefulSet' },
  { name: 'that is gone', apiVersion: 'apps/v1', kind: 'ReplicaSet', found: undefined },
  { name: 'replaced by another of the same name', apiVersion: 'apps/v1', kind: 'ReplicaSet', uid: 'another' },
])('an owner $name desires the existing Pods', ({ apiVersion, kind, uid, ...more }) => {
  const owner = { metadata: { name: 'set', uid: 'set-uid' }, spec: { replicas: 3 } };
  expect(wanted(apiVersion, kind, 'found' in more ? more.found : owner, uid)).toBeUndefined();
});
