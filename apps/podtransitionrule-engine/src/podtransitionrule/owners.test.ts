import type { CollaSet } from '@kuperator/api';
import { aCollaSet } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { ownersFrom, trimCollaSet } from './owners.ts';

const owner = { apiVersion: 'apps.kusionstack.io/v1alpha1', kind: 'CollaSet', name: 'set', uid: 'set-uid' };
const set = aCollaSet({ metadata: { name: 'set' }, spec: { replicas: 3 } });
const wanted = (found: CollaSet | undefined, of = owner) =>
  ownersFrom({ get: () => found }, { byIndex: () => [] }).wanted(of, 'default');

test('a CollaSet wants its replicas, and none while it is being deleted', () => {
  expect(wanted(trimCollaSet(set))).toBe(3);
  const leaving = { ...set, metadata: { ...set.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(wanted(trimCollaSet(leaving))).toBe(0);
});

test('what another kind, a set we do not know or a later one of the name wants is unknown', () => {
  expect(wanted(set, { ...owner, kind: 'StatefulSet' })).toBeUndefined();
  expect(wanted(set, { ...owner, apiVersion: 'example.com/v1' })).toBeUndefined();
  expect(wanted(undefined)).toBeUndefined();
  expect(wanted(set, { ...owner, uid: 'another' })).toBeUndefined();
});
