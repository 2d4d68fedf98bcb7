import {
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  SERVICE_AVAILABLE_LABEL,
  TO_DELETE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aMember, aSet, begun } from '../../test/builders.ts';
import { membersOf } from '../ids/members.ts';
import { planReplace, REPLACE_BY_UPDATE_ANNOTATION, replacedPods } from './replace.ts';

const asked = { [TO_REPLACE_LABEL]: '1' };
const byUpdate = (revision: string) => ({ ...asked, [REPLACED_BY_REPLACE_UPDATE_LABEL]: revision });
const ours = { [REPLACE_BY_UPDATE_ANNOTATION]: 'true' };
const linked = { [REPLACE_PAIR_NEW_ID_LABEL]: '5' };

const origin = (labels: Record<string, string> = asked, more: Partial<Parameters<typeof aMember>[0]> = {}) =>
  aMember({ id: 0, labels, ...more });
const successor = (revision = 'web-1', labels: Record<string, string> = {}, ready = true) =>
  aMember({ id: 5, revision, ready, labels: { [REPLACE_PAIR_ORIGIN_NAME_LABEL]: 'web-a', ...labels } });
const unready = (revision = 'web-1') => successor(revision, {}, false);
const withDeletion = (pod: Pod): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
});

type Given = { pods: readonly Pod[]; targets?: boolean; leaving?: boolean; updated?: string; sequence?: true };

/** The plan as short texts: `a to-delete`, `a ~to-replace` (label removed), `start a web-1`, `wait f`. */
function steps({ pods, targets, leaving, updated = 'web-1', sequence }: Given): string[] {
  const set = aSet(sequence ? { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } } : {});
  const [first] = pods;
  const only = (isIn: boolean | undefined) => new Set(isIn && first ? [first] : []);
  const { relabel, start, waiting } = planReplace({
    set,
    members: membersOf(set, pods),
    targets: only(targets),
    leaving: only(leaving),
    updated,
    isKnownRevision: (name) => name !== 'gone',
    nanos: '9',
  });
  const letter = (pod: Pod) => (pod.metadata.name ?? '').replace('web-', '');
  const key = (name: string) => name.replace(/^.*\//, '');
  return [
    ...[...relabel].flatMap(([pod, { labels, annotations }]) =>
      Object.entries({ ...labels, ...annotations }).map(
        ([name, value]) => `${letter(pod)} ${value === null ? '~' : ''}${key(name)}`,
      ),
    ),
    ...start.map((item) => `start ${letter(item.origin)} ${item.revision}`),
    ...[...waiting.values()].map((pod) => `wait ${letter(pod)}`),
  ];
}

describe('planReplace for the label to-replace', () => {
  test.each<{ name: string; expected: string[] } & Given>([
    {
      name: 'begins with a Pod of the origin’s own revision',
      pods: [origin()],
      updated: 'web-2',
      expected: ['start a web-1'],
    },
    {
      name: 'takes the updated revision where the own one is gone',
      pods: [aMember({ id: 0, revision: 'gone', labels: asked })],
      updated: 'web-2',
      expected: ['start a web-2'],
    },
    { name: 'begins none for a Pod that leaves (T40)', pods: [origin()], leaving: true, expected: [] },
    {
      name: 'begins none for a Pod asked to leave (T40)',
      pods: [origin(asked, { stages: begun('scale-in') })],
      expected: [],
    },
    { name: 'begins none for a Pod to be deleted', pods: [origin({ ...asked, [TO_DELETE_LABEL]: '1' })], expected: [] },
    {
      name: 'notes the new Pod on its origin, and waits until it serves (T37)',
      pods: [origin(), unready()],
      expected: ['a replace-pair-new-id', 'wait f'],
    },
    {
      name: 'marks the origin once the new Pod serves (T37)',
      pods: [origin({ ...asked, ...linked }), successor()],
      expected: ['a to-delete'],
    },
    {
      name: 'marks it once',
      pods: [origin({ ...asked, ...linked, [TO_DELETE_LABEL]: '1' }), successor()],
      expected: [],
    },
    {
      name: 'does not take a Pod that is to be deleted for one that serves',
      pods: [origin({ ...asked, ...linked }), successor('web-1', { [TO_DELETE_LABEL]: '1' })],
      expected: ['wait f'],
    },
    {
      name: 'makes another new Pod when the first is going (T28)',
      pods: [origin({ ...asked, ...linked }), withDeletion(successor())],
      expected: ['start a web-1'],
    },
    {
      name: 'waits for its name by sequence',
      pods: [origin({ ...asked, ...linked }), withDeletion(successor())],
      sequence: true,
      expected: ['wait f'],
    },
    {
      name: 'taken back, deletes a new Pod that does not serve (T36)',
      pods: [origin(linked), unready()],
      expected: ['f to-delete'],
    },
    {
      name: 'taken back too late, is seen through (T36)',
      pods: [origin(linked), successor()],
      expected: ['a to-delete'],
    },
    {
      name: 'taken back, forgets the new Pod when it is gone',
      pods: [origin(linked)],
      expected: ['a ~replace-pair-new-id'],
    },
    {
      name: 'has the new Pod forget an origin that is gone',
      pods: [successor()],
      expected: ['f ~replace-pair-origin-name'],
    },
    {
      name: 'does not replace the new Pod of a pair (T38)',
      pods: [origin({ ...asked, ...linked }), successor('web-1', { ...asked, [SERVICE_AVAILABLE_LABEL]: '1' })],
      expected: ['a to-delete'],
    },
    {
      name: 'takes no Pod for a new one of an origin that knows nothing of it',
      pods: [origin({}), successor()],
      expected: ['f ~replace-pair-origin-name'],
    },
    {
      name: 'deletes a new Pod of another revision than the origin’s (T34)',
      pods: [origin({ ...asked, ...linked }), successor('web-2')],
      expected: ['f to-delete'],
    },
  ])('$name', ({ expected, ...given }) => {
    expect(steps(given)).toEqual(expected);
  });
});

describe('planReplace for an update', () => {
  const updated = 'web-2';
  test.each<{ name: string; expected: string[] } & Given>([
    {
      name: 'marks first',
      pods: [origin({})],
      targets: true,
      expected: ['a to-replace', 'a replaced-by-replace-update', 'a to-replace-by-update'],
    },
    {
      name: 'leaves a user’s mark the user’s (T35)',
      pods: [origin()],
      targets: true,
      expected: ['a replaced-by-replace-update'],
    },
    {
      name: 'begins once both marks are there',
      pods: [origin(byUpdate('web-2'), { annotations: ours })],
      targets: true,
      expected: ['start a web-2'],
    },
    {
      name: 'waits for a new Pod of the updated revision, not any that serves (T37)',
      pods: [origin({ ...byUpdate('web-2'), ...linked }), successor('web-1')],
      targets: true,
      expected: ['f to-delete'],
    },
    {
      name: 'marks the origin when a new Pod of the updated revision serves',
      pods: [origin({ ...byUpdate('web-2'), ...linked }), successor('web-2')],
      targets: true,
      expected: ['a to-delete'],
    },
    {
      name: 'changes its mind from v2 to v3: the half-made Pod goes, once (T34)',
      pods: [origin({ ...byUpdate('web-1b'), ...linked }), unready('web-1b')],
      targets: true,
      expected: ['a replaced-by-replace-update', 'f to-delete'],
    },
    {
      name: 'out of scope, takes back its marks and a new Pod that does not serve',
      pods: [origin({ ...byUpdate('web-2'), ...linked }, { annotations: ours }), unready('web-2')],
      expected: ['a ~replaced-by-replace-update', 'a ~to-replace', 'a ~to-replace-by-update', 'f to-delete'],
    },
    {
      name: 'out of scope too late, is seen through',
      pods: [origin({ ...byUpdate('web-2'), ...linked }, { annotations: ours }), successor('web-2')],
      expected: ['a to-delete'],
    },
    {
      name: 'rolled back, keeps the origin although the new Pod serves',
      pods: [origin({ ...byUpdate('web-2'), ...linked }, { annotations: ours }), successor('web-2')],
      updated: 'web-1',
      expected: ['a ~replaced-by-replace-update', 'a ~to-replace', 'a ~to-replace-by-update', 'f to-delete'],
    },
    {
      name: 'rolled back, leaves a user’s mark',
      pods: [origin(byUpdate('web-2'))],
      updated: 'web-1',
      expected: ['a ~replaced-by-replace-update'],
    },
  ])('$name', ({ expected, ...given }) => {
    expect(steps({ updated, ...given }).toSorted()).toEqual(expected.toSorted());
  });

  test('under another policy, continues only the replacements that serve or that users asked for (T41, T105)', () => {
    const replaced = (...pods: Pod[]) => replacedPods(membersOf(aSet(), pods)).size;
    expect(replaced(origin())).toBe(1);
    expect(replaced(origin(byUpdate('web-2'), { annotations: ours }))).toBe(0);
    expect(replaced(origin(byUpdate('web-2'), { annotations: ours }), unready('web-2'))).toBe(0);
    expect(replaced(origin(byUpdate('web-2'), { annotations: ours }), successor('web-2'))).toBe(1);
    expect(replaced(origin(byUpdate('web-2')), unready('web-2'))).toBe(1);
  });

  test('replaces no Pod while the set is paused', () => {
    const set = aSet({ paused: true });
    const members = membersOf(set, [origin()]);
    const nothing = { targets: new Set<Pod>(), leaving: new Set<Pod>(), isKnownRevision: () => true, nanos: '9' };
    expect(planReplace({ set, members, updated, ...nothing })).toMatchObject({ start: [], relabel: new Map() });
  });
});
