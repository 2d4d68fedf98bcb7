import { COLLASET_FINALIZER, type CollaSet, type Pod, TO_DELETE_LABEL, TO_REPLACE_LABEL } from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, anObserved, aSet, begun, permitted } from '../../test/builders.ts';
import { membersOf } from '../ids/members.ts';
import { type Action, actionsOf, isBusy, isPreparation, isSettled, nextWakeUpMs, podOf } from './action.ts';
import { decideDrain } from './decisions.ts';
import type { Observed } from './observed.ts';
import { planDrain, planPass } from './plan.ts';

const PAUSED = { paused: true };

/** `kind` or `kind pod`, in the order of the list. */
function steps(actions: readonly Action[]): readonly string[] {
  return actions.map((action) => [action.do, podOf(action)?.metadata.name].filter(Boolean).join(' '));
}

function plan(spec: Given<CollaSet>['spec'], pods: readonly Pod[], more: Partial<Observed> = {}): readonly Action[] {
  return planPass(
    anObserved({ set: aSet(spec, { metadata: { finalizers: [COLLASET_FINALIZER] } }), owned: pods, ...more }),
  );
}

const old = (id: number, more: Partial<Parameters<typeof aMember>[0]> = {}) =>
  aMember({ id, revision: 'web-0', ...more });
const current = (id: number, more: Partial<Parameters<typeof aMember>[0]> = {}) => aMember({ id, ...more });

describe('prepares before it plans', () => {
  test('adds the finalizer before anything else', () => {
    const actions = planPass(anObserved({ set: aSet() }));
    expect(steps(actions)).toEqual(['addFinalizer']);
    expect(isPreparation(actions)).toBe(true);
  });

  test('stores the revision of the template before it touches Pods', () => {
    const observed = anObserved({});
    const actions = plan({}, [current(0)], { revision: { ...observed.revision, updated: undefined } });
    expect(steps(actions)).toEqual(['storeRevision']);
  });

  test('tries a revision that no Pod has before it begins an update', () => {
    const { revision } = anObserved({});
    const actions = plan({}, [old(0), old(1), old(2)], { revision: { ...revision, isTried: false } });
    expect(steps(actions)).toEqual(['tryRevision']);
    expect(isPreparation(actions)).toBe(true);
  });

  test('tries no revision that every Pod has', () => {
    const { revision } = anObserved({});
    const actions = plan({}, [current(0), current(1), current(2)], { revision: { ...revision, isTried: false } });
    expect(isPreparation(actions)).toBe(false);
  });
});

describe('lists one step for each Pod that is not as it should be', () => {
  test.each<{ name: string; spec: Given<CollaSet>['spec']; pods: readonly Pod[]; expected: readonly string[] }>([
    {
      name: 'a Pod that is missing, after the record of its id',
      spec: { replicas: 2 },
      pods: [current(0)],
      expected: ['writeContext', 'createPod'],
    },
    {
      name: 'a Pod too many that was not asked to leave',
      spec: { replicas: 1 },
      pods: [current(0), current(1)],
      expected: ['writeContext', 'begin web-b'],
    },
    {
      name: 'a Pod too many that may not leave yet',
      spec: { replicas: 1 },
      pods: [current(0), current(1, { stages: begun('scale-in') })],
      expected: ['writeContext', 'awaitPermission web-b', 'awaitService web-b'],
    },
    {
      name: 'a Pod too many that may leave',
      spec: { replicas: 1 },
      pods: [current(0), current(1, { stages: permitted('scale-in') })],
      expected: ['writeContext', 'delete web-b', 'awaitService web-b'],
    },
    {
      name: 'a Pod that is wanted again',
      spec: { replicas: 2 },
      pods: [current(0), current(1, { stages: begun('scale-in') })],
      expected: ['writeContext', 'cancel web-b', 'awaitService web-b'],
    },
    {
      name: 'a Pod to be updated',
      spec: { replicas: 1 },
      pods: [old(0)],
      expected: ['writeContext', 'begin web-a'],
    },
    {
      name: 'a marked Pod, which the coordinator deletes',
      spec: { replicas: 1 },
      pods: [current(0, { labels: { [TO_DELETE_LABEL]: '1' } })],
      expected: ['writeContext', 'awaitDeletion web-a'],
    },
    {
      name: 'a Pod to be replaced, whose new Pod comes first',
      spec: { replicas: 1 },
      pods: [current(0, { labels: { [TO_REPLACE_LABEL]: '1' } })],
      expected: ['writeContext', 'createPod'],
    },
    {
      name: 'a Pod that is not in service yet',
      spec: { replicas: 1 },
      pods: [current(0, { ready: false })],
      expected: ['writeContext', 'awaitService web-a'],
    },
    {
      name: 'what a paused set would do',
      spec: { ...PAUSED, replicas: 2 },
      pods: [old(0)],
      expected: ['awaitResume', 'awaitResume'],
    },
  ])('$name', ({ spec, pods, expected }) => {
    expect(steps(plan(spec, pods))).toEqual(expected);
  });

  test('of a set that has what it asks for, nothing that must be waited for', () => {
    const pods = [current(0), current(1), current(2)];
    const observed = anObserved({ owned: pods });
    const entries = actionsOf(plan({}, pods), 'writeContext')[0]?.entries ?? [];
    const context = { metadata: { name: 'web' }, spec: { contexts: [...entries] } } as unknown as Observed['context'];
    expect(steps(plan({}, pods, { context }))).toEqual([]);
    expect(isSettled(plan({}, pods, { context, due: observed.due }))).toBe(true);
  });

  test('creations that failed wait, and their ids are recorded all the same', () => {
    const { due } = anObserved({});
    const actions = plan({ replicas: 1 }, [], { due: { ...due, createMs: 400 } });
    expect(steps(actions)).toEqual(['writeContext', 'awaitCreation']);
    expect(nextWakeUpMs(actions)).toBe(400);
    expect(isBusy(actions)).toBe(true);
  });

  test('a refused revision blocks updates until its next try', () => {
    const { due, facts } = anObserved({});
    const actions = plan({ replicas: 1 }, [old(0)], {
      due: { ...due, trialMs: 700 },
      facts: { ...facts, held: 'the template is refused' },
    });
    expect(steps(actions)).toEqual(['writeContext', 'blockRevision']);
    expect(isSettled(actions)).toBe(false);
    expect(nextWakeUpMs(actions)).toBe(700);
  });
});

describe('a set that is being deleted', () => {
  test('marks its Pods, and waits for those that are on their way', () => {
    const set = aSet();
    const pods = [
      current(0),
      current(1, { labels: { [TO_DELETE_LABEL]: '1' } }),
      current(2, { stages: permitted('scale-in') }),
    ];
    const actions = planDrain(decideDrain(set, membersOf(set, pods), Date.UTC(2026, 0, 2)), '7');
    expect(steps(actions)).toEqual(['delete web-c', 'mark web-a', 'awaitDeletion web-b']);
    expect(actionsOf(actions, 'mark')[0]).toMatchObject({ labels: { [TO_DELETE_LABEL]: '7' }, isDrain: true });
  });
});
