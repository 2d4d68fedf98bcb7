import type { CollaSet, Pod } from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aContextInput, aMember, aSet, begun, permitted } from '../../test/builders.ts';
import {
  chooseIds,
  type EntryData,
  freshRevisions,
  OWNER_UIDS_ANNOTATION,
  ownerUidsWith,
  poolOf,
} from '../ids/instance-id.ts';
import { membersOf } from '../ids/members.ts';
import { podNameFor } from '../ids/pod-name.ts';
import { type ContextInput, planContext } from './context.ts';

const names = { updated: 'web-2', current: 'web-1' };
const partition = (value: number) => ({ updateStrategy: { rollingUpdate: { byPartition: { partition: value } } } });
const sequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' as const } };
const at = (revision: string, more: Record<string, string> = {}) => ({ Owner: 'web', Revision: revision, ...more });

function poolWith(entries: Record<number, EntryData>) {
  const contexts = Object.entries(entries).map(([id, data]) => ({ id: Number(id), data: { ...data } }));
  return poolOf(aSet(), { metadata: { name: 'web' }, spec: { contexts } });
}

describe('chooseIds', () => {
  const choose = (entries: Record<number, EntryData>, pods: readonly Pod[], missing: number) =>
    chooseIds(poolWith(entries), membersOf(aSet(), pods), missing);

  test.each([
    { name: 'the lowest from 0', entries: {}, pods: [], missing: 3, ids: [0, 1, 2] },
    { name: 'the gap first', entries: {}, pods: [0, 2], missing: 2, ids: [1, 3] },
    { name: 'ids on record before new ones', entries: { 5: at('web-1') }, pods: [0], missing: 2, ids: [1, 5] },
    {
      name: 'none of another set (T53)',
      entries: { 0: { Owner: 'api' }, 2: { Owner: 'api' } },
      pods: [],
      missing: 2,
      ids: [1, 3],
    },
    {
      name: 'ids that were scaled in like any free one',
      entries: { 1: at('web-1', { ScaleIn: 'true' }) },
      pods: [0],
      missing: 1,
      ids: [1],
    },
    { name: 'nothing when nothing is missing', entries: { 7: at('web-1') }, pods: [0], missing: 0, ids: [] },
  ])('chooses $name', ({ entries, pods, missing, ids }) => {
    expect(
      choose(
        entries as Record<number, EntryData>,
        pods.map((id) => aMember({ id })),
        missing,
      ),
    ).toEqual(ids);
  });
});

describe('freshRevisions (T10)', () => {
  const revisionsOf = (spec: Given<CollaSet>['spec'], fresh: number[], kept: string[] = []) =>
    Object.fromEntries(freshRevisions(aSet(spec), fresh, kept, names));

  test.each([
    { name: 'updated without a partition', spec: {}, fresh: [0, 1], kept: [], expected: { 0: 'web-2', 1: 'web-2' } },
    {
      name: 'current when Pods are updated by label',
      spec: { updateStrategy: { rollingUpdate: { byLabel: {} } } },
      fresh: [0],
      kept: [],
      expected: { 0: 'web-1' },
    },
    {
      name: 'updated for the highest, as many as the partition leaves',
      spec: { replicas: 10, ...partition(8) },
      fresh: [3, 4, 5],
      kept: ['web-1', 'web-1', 'web-1'],
      expected: { 3: 'web-1', 4: 'web-2', 5: 'web-2' },
    },
    {
      name: 'current when the partition is met',
      spec: { replicas: 3, ...partition(1) },
      fresh: [2],
      kept: ['web-2', 'web-2'],
      expected: { 2: 'web-1' },
    },
  ])('$name', ({ spec, fresh, kept, expected }) => {
    expect(revisionsOf(spec, fresh, kept)).toEqual(expected);
  });
});

function plan(
  entries: Record<number, EntryData>,
  pods: readonly Pod[],
  given: Partial<ContextInput> & { spec?: Given<CollaSet>['spec'] } = {},
) {
  const { spec, ...rest } = given;
  const set = aSet(spec);
  return planContext(aContextInput({ set, pool: poolWith(entries), members: membersOf(set, pods), ...rest }));
}

const entriesOf = ({ entries }: ReturnType<typeof plan>) =>
  Object.fromEntries(entries.map(({ id, data }) => [id, data]));
const pod = aMember({ id: 0 });
const nameOf = (incarnation: number) => podNameFor(aSet(), 0, incarnation);

describe('planContext', () => {
  test('records and marks a new id, and creates its Pod under the name of the first incarnation', () => {
    const planned = plan({}, [], { create: [0], fresh: new Map([[0, 'web-1']]) });
    expect(planned.change).toBe('needed');
    expect(entriesOf(planned)).toEqual({ 0: at('web-1', { PodJustCreate: 'true' }) });
    expect(planned.creations).toEqual([
      { id: 0, name: nameOf(0), revision: 'web-1', isNew: true, needsPods: false, needsContext: false },
    ]);
  });

  test('removes the mark of an existing Pod in a write that is not urgent', () => {
    const planned = plan({ 0: at('web-1', { PodJustCreate: 'true' }) }, [pod]);
    expect([planned.change, entriesOf(planned)]).toEqual(['tidy', { 0: at('web-1') }]);
  });

  test('gives an id that lost its Pod the next incarnation at its own revision, after a fresh read', () => {
    const planned = plan({ 0: at('web-1') }, [], { create: [0], updated: 'web-2' });
    expect(entriesOf(planned)).toEqual({ 0: at('web-1', { PodRecreate: 'true', Incarnation: '1' }) });
    expect(planned.creations).toEqual([
      { id: 0, name: nameOf(1), revision: 'web-1', isNew: false, needsPods: true, needsContext: false },
    ]);
    expect(planned.change).toBe('needed');
  });

  test('continues an earlier creation under the same name, without a write', () => {
    const planned = plan({ 0: at('web-1', { PodRecreate: 'true', Incarnation: '4' }) }, [], { create: [0] });
    expect(planned.change).toBe('none');
    expect(planned.creations).toMatchObject([{ name: nameOf(4), needsPods: false, needsContext: true }]);
  });

  test('skips a name that is taken', () => {
    const planned = plan({ 0: at('web-1', { PodRecreate: 'true' }) }, [], {
      create: [0],
      isNameTaken: (name) => name === nameOf(0),
    });
    expect(planned.creations).toMatchObject([{ name: nameOf(1), needsContext: false }]);
    expect(planned.change).toBe('needed');
  });

  test('records a recreation once, before the Pod is touched', () => {
    const pending = new Map([[pod, { mode: 'recreate' as const }]]);
    const first = plan({ 0: at('web-1') }, [pod], { pending, updated: 'web-2' });
    const marked = at('web-2', { PodRecreateUpdate: 'true', Incarnation: '1' });
    expect([first.change, entriesOf(first)]).toEqual(['needed', { 0: marked }]);
    expect(plan({ 0: marked }, [pod], { pending, updated: 'web-2' }).change).toBe('none');
  });

  test('does not take the mark of an earlier recreation for a new one', () => {
    const left = { 0: at('web-1', { PodRecreateUpdate: 'true', Incarnation: '1' }) };
    const created = aMember({ id: 0, name: nameOf(1) });
    const planned = plan(left, [created], { pending: new Map([[created, { mode: 'recreate' }]]), updated: 'web-2' });
    expect(entriesOf(planned)).toEqual({ 0: at('web-2', { PodRecreateUpdate: 'true', Incarnation: '2' }) });
  });

  test('requires fresh reads of both caches for the next Pod of a recreated one', () => {
    const marked = { 0: at('web-2', { PodRecreateUpdate: 'true', Incarnation: '1' }) };
    const { creations } = plan(marked, [], { create: [0], updated: 'web-2' });
    expect(creations).toMatchObject([{ name: nameOf(1), needsPods: true, needsContext: true }]);
  });

  test('with sequence names, also writes a mark once', () => {
    const pending = new Map([[pod, { mode: 'recreate' as const }]]);
    const marked = { 0: at('web-2', { PodRecreateUpdate: 'true', Incarnation: '1' }) };
    expect(plan(marked, [pod], { pending, updated: 'web-2', spec: sequence }).change).toBe('none');
  });

  test('records the revision of an update in place, and the Pod’s own one if it leaves the scope again', () => {
    const pending = new Map([[pod, { mode: 'in-place' as const }]]);
    expect(entriesOf(plan({ 0: at('web-1') }, [pod], { pending, updated: 'web-2' }))).toEqual({ 0: at('web-2') });
    const back = plan({ 0: at('web-2') }, [pod], { updated: 'web-2' });
    expect([back.change, entriesOf(back)]).toEqual(['tidy', { 0: at('web-1') }]);
  });

  test('marks ids before the scale-in of their Pods begins, and removes them with their Pods', () => {
    const leaving = aMember({ id: 0, stages: begun('scale-in') });
    const planned = plan({ 0: at('web-1') }, [leaving], { surplus: new Set([leaving]) });
    expect([planned.change, entriesOf(planned)]).toEqual(['needed', { 0: at('web-1', { ScaleIn: 'true' }) }]);
    const gone = plan({ 0: at('web-1', { ScaleIn: 'true' }) }, []);
    expect([gone.change, gone.entries]).toEqual(['tidy', []]);
  });

  test('removes the mark if the scale-in is cancelled', () => {
    expect(entriesOf(plan({ 0: at('web-1', { ScaleIn: 'true' }) }, [pod]))).toEqual({ 0: at('web-1') });
  });

  test('records an id immediately if a Pod has it and the context does not (T52)', () => {
    const planned = plan({}, [pod]);
    expect([planned.change, entriesOf(planned)]).toEqual(['needed', { 0: at('web-1') }]);
  });

  test('keeps the entries of other sets unchanged and sorted by id (T53, T54)', () => {
    const planned = plan({ 2: { Owner: 'api', Secret: 'x' } }, [aMember({ id: 3 })], {
      create: [0],
      fresh: new Map([[0, 'web-1']]),
    });
    expect(planned.entries.map(({ id, data }) => [id, data?.Owner])).toEqual([
      [0, 'web'],
      [2, 'api'],
      [3, 'web'],
    ]);
    expect(entriesOf(planned)[2]).toEqual({ Owner: 'api', Secret: 'x' });
  });

  test('plans no entries after the last id, so that the context is deleted (T50)', () => {
    expect(plan({ 0: at('web-1') }, []).entries).toEqual([]);
  });

  test('gives an id without a Pod the updated revision if it is in the scope of the update', () => {
    const planned = plan({ 0: at('web-1', { PodRecreate: 'true' }) }, [], {
      create: [0],
      updatedIds: new Set([0]),
      updated: 'web-2',
    });
    expect(planned.creations).toMatchObject([{ revision: 'web-2' }]);
  });

  test('replaces a refused revision by the updated one, except for a lost Pod (T31)', () => {
    const refused = new Set([0]);
    const first = plan({ 0: at('web-1', { PodJustCreate: 'true' }) }, [], { create: [0], refused, updated: 'web-2' });
    expect(first.creations).toMatchObject([{ revision: 'web-2' }]);
    const lost = plan({ 0: at('web-1', { PodRecreate: 'true' }) }, [], { create: [0], refused, updated: 'web-2' });
    expect(lost.creations).toMatchObject([{ revision: 'web-1' }]);
  });

  test('replaces a missing revision by the updated one', () => {
    const planned = plan({ 0: at('gone', { PodRecreate: 'true' }) }, [], {
      create: [0],
      isKnownRevision: (name) => name !== 'gone',
    });
    expect(planned.creations).toMatchObject([{ revision: 'web-1' }]);
  });

  test('with sequence names, serves a name in podToDelete once, until it leaves the list', () => {
    const spec = { ...sequence, scaleStrategy: { podToDelete: ['web-0'] } };
    const renewed = plan({ 0: at('web-1') }, [], { create: [0], spec });
    expect(entriesOf(renewed)[0]).toMatchObject({ PodToDeleteServed: 'true' });
    const named = aMember({ id: 0, name: 'web-0' });
    expect(plan({ 0: at('web-1', { PodToDeleteServed: 'true' }) }, [named], { spec }).change).toBe('none');
    // The write is urgent: if the name is listed again before it, the Pod would count as served.
    const unnamed = plan({ 0: at('web-1', { PodToDeleteServed: 'true' }) }, [named], { spec: sequence });
    expect([entriesOf(unnamed), unnamed.change]).toEqual([{ 0: at('web-1') }, 'needed']);
  });

  test('with sequence names, keeps the entry of a terminating Pod for the next one', () => {
    const going = aMember({ id: 0, stages: permitted('update') });
    const terminating = { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const entry = at('web-2', { PodRecreateUpdate: 'true', Incarnation: '1' });
    expect(plan({ 0: entry }, [terminating], { spec: sequence, updated: 'web-2' }).change).toBe('none');
  });

  test('keeps the entries of a paused set', () => {
    expect(plan({ 0: at('web-1') }, [], { spec: { paused: true } })).toEqual({
      entries: [],
      change: 'none',
      creations: [],
      reused: [],
      ended: new Set(),
    });
  });
});

describe('an id that the set gives up', () => {
  const retain = { scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain' as const } } };
  const scaledIn = at('web-1', { ScaleIn: 'true' });

  test.each([
    { name: 'keeps its entry while it has claims', entry: scaledIn, claimed: [1], left: scaledIn, ended: [1] },
    { name: 'is first recorded as scaled in', entry: at('web-1'), claimed: [1], left: scaledIn, ended: [] },
    { name: 'loses its entry when no claims are left', entry: scaledIn, claimed: [0], left: undefined, ended: [] },
    {
      name: 'loses its entry at once under whenScaled: Retain',
      entry: scaledIn,
      claimed: [1],
      spec: retain,
      left: undefined,
      ended: [],
    },
  ])('$name', ({ entry, claimed, spec = {}, left, ended }) => {
    const planned = plan({ 0: at('web-1'), 1: entry }, [pod], { spec, claimed: new Set(claimed) });
    expect(entriesOf(planned)[1]).toEqual(left);
    expect([...planned.ended]).toEqual(ended);
  });

  test('keeps its claims if no entry records that the set had it', () => {
    expect([...plan({ 0: at('web-1') }, [pod], { claimed: new Set([0, 1]) }).ended]).toEqual([]);
  });
});

describe('poolOf', () => {
  const contexts = [
    { id: 0, data: { Owner: 'web', Revision: 'web-1' } },
    { id: 1, data: { Owner: 'api', Revision: 'api-1' } },
  ];
  const pool = (owners: Record<string, string> | undefined) =>
    poolOf(aSet(), {
      metadata: { name: 'pool', annotations: owners ? { [OWNER_UIDS_ANNOTATION]: JSON.stringify(owners) } : {} },
      spec: { contexts },
    });

  test.each([
    { name: 'belong to the set if no uid is recorded, as in the Go implementation', owners: undefined, own: [0] },
    { name: 'belong to the set if its uid is recorded', owners: { web: 'web-uid', api: 'x' }, own: [0] },
    {
      name: 'belong to no set if they were those of an earlier set of the same name',
      owners: { web: 'gone' },
      own: [],
    },
  ])('entries of its name $name', ({ owners, own }) => {
    const { own: entries, foreign, hasLeftovers } = pool(owners);
    expect([[...entries.keys()], [...foreign.keys()], hasLeftovers]).toEqual([own, [1], own.length === 0]);
  });

  test('ignores an annotation that is not JSON', () => {
    const metadata = { name: 'pool', annotations: { [OWNER_UIDS_ANNOTATION]: '{' } };
    expect([...poolOf(aSet(), { metadata, spec: { contexts } }).own.keys()]).toEqual([0]);
  });

  test('records only the uids of sets that own entries', () => {
    const context = {
      metadata: { annotations: { [OWNER_UIDS_ANNOTATION]: '{"api":"x","old":"y","web":"gone"}' } },
      spec: {},
    };
    expect(JSON.parse(ownerUidsWith(aSet(), context, contexts))).toEqual({ api: 'x', web: 'web-uid' });
  });
});

describe('the ids of replace pairs', () => {
  const asked = aMember({ id: 0, labels: { 'collaset.kusionstack.io/to-replace': '1' } });
  const successor = aMember({ id: 3, labels: { 'collaset.kusionstack.io/replace-pair-origin-name': 'web-a' } });
  const replacements = (isFresh: boolean) => new Map([[3, { origin: asked, revision: 'web-1', isFresh }]]);
  const started = {
    0: at('web-1', { ReplaceNewPodID: '3' }),
    3: at('web-1', { PodJustCreate: 'true', ReplaceOriginPodID: '0' }),
  };

  test('are recorded before the successor is created, which counts as new', () => {
    const planned = plan({ 0: at('web-1') }, [asked], { replacements: replacements(true) });
    expect([planned.change, entriesOf(planned)]).toEqual(['needed', started]);
    expect(planned.creations).toMatchObject([{ id: 3, isNew: true, origin: asked }]);
  });

  test('are kept if the creation continues after a crash, under the same name', () => {
    const planned = plan(started, [asked], { replacements: replacements(false) });
    expect([planned.change, entriesOf(planned)]).toEqual(['none', started]);
    expect(planned.creations).toMatchObject([{ id: 3, name: podNameFor(aSet(), 3, 0), needsContext: true }]);
  });

  test('drop their references after the origin, whose id ends', () => {
    expect(entriesOf(plan(started, [successor]))).toEqual({ 3: at('web-1') });
  });

  test('restore the entry of the origin if the replacement is cancelled', () => {
    expect(entriesOf(plan(started, [aMember({ id: 0 })]))).toEqual({ 0: at('web-1') });
  });

  test.each([
    { name: 'that was replaced', pods: [successor], left: 0, ended: [0] },
    { name: 'of a new Pod that is no longer wanted', pods: [aMember({ id: 0 })], left: 3, ended: [3] },
  ])('end with their claims, even under whenScaled: Retain: the id $name', ({ pods, left, ended }) => {
    const spec = { scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain' as const } } };
    const planned = plan(started, pods, { spec, claimed: new Set([0, 3]) });
    expect([...planned.ended]).toEqual(ended);
    expect(entriesOf(planned)[left]).toHaveProperty('ScaleIn', 'true');
  });

  test('are recovered from the Pods if their entries are lost (T39)', () => {
    expect(entriesOf(plan({}, [asked, successor]))).toEqual({
      0: at('web-1', { ReplaceNewPodID: '3' }),
      3: at('web-1', { ReplaceOriginPodID: '0' }),
    });
  });

  test('are not allocated to other Pods while the pair exists', () => {
    expect(chooseIds(poolWith(started), membersOf(aSet(), [asked]), 1)).toEqual([1]);
  });
});
