// Pods that are unavailable although nothing about them keeps them from serving. Of a node that has stopped reporting, the node
// lifecycle controller sets the Ready condition of each Pod to False, and nothing else; the coordinator then takes service-available off.

import { SERVICE_READY_GATE, stageLabel } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import {
  afterPass,
  aPod,
  aRule,
  maxUnavailable,
  minAvailable,
  type PodSample,
  passedIn,
  reasonIn,
  rejectedIn,
} from '../test/samples.ts';
import { isRelevantChange, trimPod } from './pod-cache.ts';
import { couldServe, isUnavailable } from './population.ts';

const OTHER_GATE = 'example.com/warm';

/** A Pod that has served, on a node that is not ready now. */
const onLostNode = (name: string, more: Partial<PodSample> = {}) =>
  aPod({
    name,
    ready: false,
    available: false,
    readinessGates: [SERVICE_READY_GATE],
    conditions: { ContainersReady: 'True', [SERVICE_READY_GATE]: 'True' },
    ...more,
  });
const updating = (name: string, more: Partial<PodSample> = {}) =>
  onLostNode(name, { preCheck: { collaset: '5' }, labels: typeOf('update'), ...more });
/** Ready again; the coordinator gives the label back once the update that waits is over. */
const back = (name: string) => updating(name, { ready: true });
const serving = (name: string) => aPod({ name, preCheck: { collaset: '5' }, labels: typeOf('update') });

function typeOf(type: string, id = 'collaset'): Record<string, string> {
  return { [stageLabel('operation-type', id)]: type };
}

test.each<{ name: string; more: Partial<PodSample>; is: boolean }>([
  { name: 'marked by the node lifecycle controller', more: {}, is: true },
  {
    name: 'without readiness gates',
    more: { readinessGates: [], conditions: { ContainersReady: 'True' } },
    is: true,
  },
  { name: 'Ready again, but not in service yet', more: { ready: true }, is: true },
  { name: 'marked before the coordinator noticed the Pod', more: { available: true }, is: true },
  {
    name: 'whose containers are not ready',
    more: { conditions: { ContainersReady: 'False', [SERVICE_READY_GATE]: 'True' } },
    is: false,
  },
  {
    name: 'whose gate is closed',
    more: { conditions: { ContainersReady: 'True', [SERVICE_READY_GATE]: 'False' } },
    is: false,
  },
  {
    name: 'that waits for a gate of another controller',
    more: { readinessGates: [SERVICE_READY_GATE, OTHER_GATE] },
    is: false,
  },
  {
    name: 'that does not report its containers',
    more: { conditions: { [SERVICE_READY_GATE]: 'True' } },
    is: false,
  },
  { name: 'terminating', more: { terminating: true }, is: false },
  { name: 'finished', more: { phase: 'Failed' }, is: false },
])('a Pod $name could serve: $is', ({ more, is }) => {
  const pod = onLostNode('p', more);
  expect(couldServe(pod)).toBe(is);
  expect(couldServe(trimPod(pod))).toBe(is);
  expect(isUnavailable(trimPod(pod))).toBe(isUnavailable(pod));
});

describe('an update of Pods whose node is lost', () => {
  const names = ['p1', 'p2', 'p3', 'p4'];

  test('does not pass if the lost Pods use up the budget', () => {
    const judged = afterPass(
      aRule([maxUnavailable(1)]),
      names.map((name) => updating(name)),
    );
    expect(passedIn(judged)).toEqual([]);
    expect(reasonIn(judged, 'p1')).toBe('rule max: blocked by max unavailable 1/4, currently unavailable 4/4');
    expect(
      passedIn(
        afterPass(
          aRule([minAvailable(3)]),
          names.map((name) => updating(name)),
        ),
      ),
    ).toEqual([]);
  });

  test('continues Pod by Pod when the node is back', () => {
    const lost = afterPass(
      aRule([maxUnavailable(1)]),
      names.map((name) => updating(name)),
    );
    const half = afterPass(lost, [...names.slice(0, 2).map(back), ...names.slice(2).map((name) => updating(name))]);
    expect(passedIn(half)).toEqual([]);
    expect(passedIn(afterPass(half, names.map(back)))).toEqual(['p1']);
  });

  test('passes if the budget has room for all of them, and counts each Pod once', () => {
    const pods = [...['p1', 'p2'].map((name) => updating(name)), ...['p3', 'p4'].map(serving)];
    const judged = afterPass(aRule([maxUnavailable(2)]), pods);
    expect(passedIn(judged)).toEqual(['p1', 'p2']);
    expect(reasonIn(judged, 'p3')).toContain('currently unavailable 2/4');
    expect(passedIn(afterPass(judged, pods))).toEqual(['p1', 'p2']);
  });

  test('keeps the slot that it had when the node was lost, and is counted once', () => {
    const before = afterPass(aRule([maxUnavailable(2)]), names.map(serving));
    expect(passedIn(before)).toEqual(['p1', 'p2']);
    const pods = [updating('p1'), ...names.slice(1).map(serving)];
    const after = afterPass(before, pods);
    expect(passedIn(after)).toEqual(['p1', 'p2']);
    expect(reasonIn(after, 'p3')).toContain('currently unavailable 2/4');
  });

  test('leaves the remaining slots to serving Pods', () => {
    const judged = afterPass(aRule([maxUnavailable(2)]), [onLostNode('p1'), serving('p2'), serving('p3')]);
    expect(passedIn(judged)).toEqual(['p2']);
    expect(rejectedIn(judged)).toEqual(['p3']);
  });

  test('does not pass either of two rule objects', () => {
    const [a, b] = ['a', 'b'].map((name) => aRule([maxUnavailable(1)], { name }));
    if (!a || !b) throw new Error('two rules');
    const pods = names.map((name) => updating(name));
    expect(passedIn(afterPass(a, pods, { rules: [a, b] }))).toEqual([]);
    expect(passedIn(afterPass(b, pods, { rules: [a, b] }))).toEqual([]);
  });
});

test.each<{ name: string; labels: Record<string, string>; isDown: boolean }>([
  { name: 'whose update only waits', labels: {}, isDown: false },
  { name: 'whose update is in progress', labels: { [stageLabel('operate', 'job')]: '1' }, isDown: true },
  { name: 'whose update is completing', labels: { [stageLabel('completing', 'job')]: '1' }, isDown: true },
])('a Pod that is Ready again without its label because $name is unavailable: $isDown', ({ labels, isDown }) => {
  expect(isUnavailable(updating('p', { ready: true, labels: { ...typeOf('update'), ...labels } }))).toBe(isDown);
});

test.each([
  { name: 'a deletion', id: 'pod-delete', labels: typeOf('delete', 'pod-delete') },
  { name: 'an eviction', id: 'pod-evict', labels: typeOf('delete', 'pod-evict') },
  { name: 'a scale-in', id: 'collaset', labels: typeOf('scale-in') },
])('$name of Pods whose node is lost passes, because their successors run elsewhere', ({ id, labels }) => {
  const pods = ['p1', 'p2'].map((name) => onLostNode(name, { preCheck: { [id]: '5' }, labels }));
  expect(passedIn(afterPass(aRule([maxUnavailable(1)]), pods))).toEqual(['p1', 'p2']);
});

test('a deletion passes even if an update waits as well', () => {
  const pods = ['p1', 'p2'].map((name) =>
    onLostNode(name, {
      preCheck: { collaset: '5', 'pod-delete': '6' },
      labels: { ...typeOf('update'), ...typeOf('delete', 'pod-delete') },
    }),
  );
  expect(passedIn(afterPass(aRule([maxUnavailable(1)]), pods))).toEqual(['p1', 'p2']);
});

test.each<{ name: string; was: Partial<PodSample>; now: Partial<PodSample>; isRelevant: boolean }>([
  { name: 'its node is lost', was: { ready: true }, now: {}, isRelevant: true },
  {
    name: 'its containers fail as well while it waits',
    was: { preCheck: { op: '1' } },
    now: { preCheck: { op: '1' }, conditions: { ContainersReady: 'False', [SERVICE_READY_GATE]: 'True' } },
    isRelevant: true,
  },
  {
    name: 'its gate changes while it waits for nothing',
    was: {},
    now: { conditions: { ContainersReady: 'True', [SERVICE_READY_GATE]: 'False' } },
    isRelevant: false,
  },
])('evaluates a Pod again when $name: $isRelevant', ({ was, now, isRelevant }) => {
  expect(isRelevantChange(trimPod(onLostNode('p', was)), trimPod(onLostNode('p', now)))).toBe(isRelevant);
});
