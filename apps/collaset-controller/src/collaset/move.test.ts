// Which Pods are excluded and included, and how they count while the set scales.
import {
  type CollaSet,
  ORPHANED_LABEL,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  TO_DELETE_LABEL,
  TO_EXCLUDE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aSet, letters } from '../test/builders.ts';
import { type EntryData, poolOf } from './ids/instance-id.ts';
import { membersOf } from './ids/members.ts';
import { planExclude } from './plan/exclude.ts';
import { planInclude } from './plan/include.ts';
import { planScale } from './plan/scale.ts';

const sequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' as const } };
const origin = (labels: Record<string, string> = {}) =>
  aMember({ id: 0, labels: { [TO_REPLACE_LABEL]: '1', [REPLACE_PAIR_NEW_ID_LABEL]: '5', ...labels } });
const successor = (labels: Record<string, string> = {}) =>
  aMember({ id: 5, ready: false, labels: { [REPLACE_PAIR_ORIGIN_NAME_LABEL]: 'web-a', ...labels } });
const other = aMember({ id: 1 });

describe('planExclude', () => {
  const plan = (pods: readonly Pod[], spec: Given<CollaSet>['spec'] = {}) => {
    const set = aSet(spec);
    const { now, all, refused } = planExclude(set, membersOf(set, pods), () => false);
    return [letters(now), letters(all), refused.map(({ reason }) => reason).join()];
  };
  const listed = (...podToExclude: string[]) => ({ scaleStrategy: { podToExclude } });

  test.each([
    { name: 'a Pod in the list', pods: [other], spec: listed('web-b'), expected: ['b', 'b', ''] },
    {
      name: 'a Pod by its label alone (T29)',
      pods: [aMember({ id: 1, labels: { [TO_EXCLUDE_LABEL]: '' } })],
      spec: {},
      expected: ['b', 'b', ''],
    },
    {
      name: 'by sequence none in the list',
      pods: [other],
      spec: { ...sequence, ...listed('web-b') },
      expected: ['', '', ''],
    },
    {
      name: 'none that is to be deleted',
      pods: [aMember({ id: 1, labels: { [TO_DELETE_LABEL]: '1' } })],
      spec: listed('web-b'),
      expected: ['', '', ''],
    },
    {
      name: 'the origin of a pair later',
      pods: [origin(), successor()],
      spec: listed('web-a'),
      expected: ['', 'a', ''],
    },
    {
      name: 'the new Pod of a pair later',
      pods: [origin(), successor()],
      spec: listed('web-f'),
      expected: ['', 'f', ''],
    },
    {
      name: 'none that is to be included too (T29)',
      pods: [aMember({ id: 1, labels: { [TO_EXCLUDE_LABEL]: '1' } })],
      spec: { scaleStrategy: { podToInclude: ['web-b'] } },
      expected: ['', '', 'DupExIncludedTarget'],
    },
    { name: 'none while paused', pods: [other], spec: { paused: true, ...listed('web-b') }, expected: ['', '', ''] },
  ])('excludes $name', ({ pods, spec, expected }) => {
    expect(plan(pods, spec as Given<CollaSet>['spec'])).toEqual(expected);
  });
});

describe('planInclude', () => {
  type Entries = Record<number, EntryData>;
  const guest = (id: number, labels: Record<string, string> = {}, metadata: object = {}) =>
    aMember({
      id,
      name: 'guest',
      labels: { [ORPHANED_LABEL]: 'true', ...labels },
      given: { metadata: { uid: 'guest-uid', ownerReferences: [], ...metadata } },
    });
  type Conditions = { entries?: Entries | undefined; spec?: Given<CollaSet>['spec']; claimed?: readonly number[] };
  const plan = (pod: Pod | undefined, { entries = {}, spec = {}, claimed = [] }: Conditions = {}) => {
    const set = aSet({ ...spec, scaleStrategy: { podToInclude: ['guest'], ...spec?.scaleStrategy } });
    const contexts = Object.entries(entries).map(([id, data]) => ({ id: Number(id), data: { ...data } }));
    const { pods, refused } = planInclude({
      set,
      members: membersOf(set, [aMember({ id: 0 }), other]),
      pool: poolOf(set, { metadata: { name: 'web' }, spec: { contexts } }),
      podNamed: () => pod,
      claimsOf: () => [],
      claimed: new Set(claimed),
    });
    return pods.length > 0
      ? pods.map(({ id }) => id)
      : refused.map(({ reason, message }) => `${reason}: ${message}`).join();
  };

  test('does not give an id with claims to an included Pod, because an id has one claim of each template (T100)', () => {
    expect(plan(guest(2), { claimed: [1, 2] })).toEqual([3]);
  });

  test.each<{ name: string; pod: Pod; entries?: Entries; expected: number }>([
    { name: 'the id it has', pod: guest(7), expected: 7 },
    { name: 'the lowest free id when a Pod has its own', pod: guest(1), expected: 2 },
    {
      name: 'the lowest free id when another set has its own (T53)',
      pod: guest(7),
      entries: { 7: { Owner: 'api' } },
      expected: 2,
    },
    {
      name: 'no id another Pod is being made for',
      pod: guest(3),
      entries: { 3: { Owner: 'web', PodRecreate: 'true' } },
      expected: 2,
    },
    {
      name: 'the id begun with',
      pod: guest(1),
      entries: { 4: { Owner: 'web', PodInclude: 'guest-uid' } },
      expected: 4,
    },
    { name: 'an id of an earlier set of the name', pod: guest(7), entries: { 7: { Owner: 'web' } }, expected: 7 },
  ])('gives a Pod $name', ({ pod, entries, expected }) => {
    expect(plan(pod, { entries })).toEqual([expected]);
  });

  test.each<{ name: string; pod: Pod | undefined; spec?: Given<CollaSet>['spec']; expected: RegExp }>([
    {
      name: 'that does not exist',
      pod: undefined,
      expected: /^IncludeNotAllowed: .*no Pod of this name has the label/,
    },
    { name: 'the selector does not match', pod: guest(7, { app: 'api' }), expected: /^IncludeNotAllowed: .*selector/ },
    {
      name: 'of another set',
      pod: aMember({
        id: 7,
        given: {
          metadata: {
            ownerReferences: [{ apiVersion: 'v1', kind: 'CollaSet', name: 'api', uid: 'x', controller: true }],
          },
        },
      }),
      expected: /^IncludeNotAllowed: .*CollaSet api controls it/,
    },
    {
      name: 'that is going',
      pod: guest(7, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      expected: /^IncludeNotAllowed: .*ended/,
    },
    {
      name: 'that is to be deleted',
      pod: guest(7, { [TO_DELETE_LABEL]: '1' }),
      expected: /^IncludeNotAllowed: .*deleted/,
    },
    {
      name: 'in both lists (T29)',
      pod: guest(7),
      spec: { scaleStrategy: { podToExclude: ['guest'] } },
      expected: /^DupExIncludedTarget/,
    },
  ])('refuses a Pod $name', ({ pod, spec, expected }) => {
    expect(plan(pod, { spec })).toMatch(expected);
  });

  test('ignores the list with sequence names', () => {
    expect(plan(guest(7), { spec: sequence })).toBe('');
  });
});

describe('planScale', () => {
  type Moves = { excluded?: readonly Pod[]; joining?: number };
  const plan = (pods: readonly Pod[], spec: Given<CollaSet>['spec'], { excluded = [], joining = 0 }: Moves = {}) => {
    const set = aSet(spec);
    const given = { doubles: new Set<Pod>(), isServed: () => false, nowMs: 0 };
    const scale = planScale({ set, members: membersOf(set, pods), excluded: new Set(excluded), joining, ...given });
    return { missing: scale.missing, surplus: letters(scale.surplus), mark: letters(scale.mark) };
  };
  const [a, f] = [origin(), successor()];
  const named = (...podToDelete: string[]) => ({ scaleStrategy: { podToDelete } });

  test.each([
    { name: 'a pair counts once', pods: [a, f, other], spec: { replicas: 2 }, surplus: '' },
    { name: 'a pair leaves at once (T28)', pods: [a, f], spec: { replicas: 0 }, surplus: 'af' },
    {
      name: 'the named origin takes its new Pod along (T28)',
      pods: [a, f, other],
      spec: { replicas: 1, ...named('web-a') },
      surplus: 'af',
    },
    { name: 'both named leave (T28)', pods: [a, f], spec: { replicas: 0, ...named('web-a', 'web-f') }, surplus: 'af' },
    {
      name: 'the named new Pod holds the pair, unmarked (T28)',
      pods: [a, f],
      spec: { replicas: 0, ...named('web-f') },
      surplus: '',
    },
    {
      name: 'a named new Pod is marked if no Pod is to leave',
      pods: [a, f],
      spec: { replicas: 1, ...named('web-f') },
      surplus: '',
      mark: 'f',
    },
    {
      name: 'an origin that serves out its replacement is not first to leave',
      pods: [origin({ [TO_DELETE_LABEL]: '1' }), f, aMember({ id: 1, ready: false })],
      spec: { replicas: 1 },
      surplus: 'b',
    },
  ])('$name', ({ pods, spec, surplus, mark = '' }) => {
    expect(plan(pods, spec as Given<CollaSet>['spec'])).toEqual({ missing: 0, surplus, mark });
  });

  test('counts an excluded Pod or pair until it has left', () => {
    expect(plan([aMember({ id: 0 }), other], { replicas: 1 }, { excluded: [other] }).surplus).toBe('');
    expect(plan([a, f, other], { replicas: 1 }, { excluded: [f] }).surplus).toBe('');
    expect(plan([a, f, other], { replicas: 0 }, { excluded: [a] }).surplus).toBe('b');
  });

  test('does not create a Pod for one that is being included', () => {
    expect(plan([other], { replicas: 3 }, { joining: 1 }).missing).toBe(1);
  });
});
