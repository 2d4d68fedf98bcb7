import {
  COLLA_SETS,
  CONTROLLER_REVISIONS,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
} from '@kuperator/api';
import { FakeClock, InMemoryCluster } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aSet } from '../../test/builders.ts';
import { claimCache, podCache, revisionCache, setCache } from '../caches.ts';
import type { Action } from '../plan/action.ts';
import type { Deps } from './deps.ts';
import { newActMemory } from './memory.ts';
import { Pass } from './pass.ts';
import { type Done, runActions } from './run.ts';

/** A pass over a set with two Pods, on a cluster that records its writes. */
function aPass() {
  const clock = new FakeClock();
  const cluster = new InMemoryCluster({ clock });
  const caches = {
    sets: cluster.informer(COLLA_SETS, setCache),
    pods: cluster.informer(PODS, podCache),
    revisions: cluster.informer(CONTROLLER_REVISIONS, revisionCache),
    contexts: cluster.informer(RESOURCE_CONTEXTS),
    claims: cluster.informer(PERSISTENT_VOLUME_CLAIMS, claimCache),
  };
  const pods = [cluster.add(PODS, aMember({ id: 0 })), cluster.add(PODS, aMember({ id: 1 }))] as const;
  const set = cluster.add(COLLA_SETS, aSet());
  const counted: string[] = [];
  const stop = new AbortController();
  const deps = {
    ...caches,
    clock,
    client: cluster.client,
    recorder: { normal: () => {}, warn: () => {} },
    metrics: { wrote: (kind: string) => counted.push(kind), permitted: () => {}, changed: () => {} },
    settings: { statusIntervalMs: 1000, passMs: 60_000, maxWrites: 32, reclaimScaleStrategy: false },
  } as unknown as Deps;
  const pass = new Pass({ deps, set, memory: newActMemory(0), signal: stop.signal });
  const done: Done[] = [];
  const run = (actions: readonly Action[]) => runActions(pass, actions, (each) => done.push(each));
  const writes = () => cluster.writes.map(({ verb, resource }) => `${verb} ${resource}`);
  cluster.writes.length = 0;
  return { cluster, pass, run, pods, done, counted, stop, writes, clock };
}

const entries = [{ id: 0, data: { Owner: 'web' } }];

describe('runs the actions of a pass', () => {
  test('the record before the Pods, and what can wait after them', async () => {
    const { run, pods, writes } = aPass();
    await run([
      { do: 'tidyContext', entries: [...entries, { id: 1, data: { Owner: 'web' } }] },
      { do: 'mark', pod: pods[0], labels: { 'to-replace': '1' }, annotations: {} },
      { do: 'writeContext', entries },
    ]);
    expect(writes()).toEqual(['create resourcecontexts', 'patch pods', 'patch resourcecontexts']);
  });

  test('a failure before the Pods leaves them alone', async () => {
    const { run, pods, cluster, writes } = aPass();
    cluster.failWrite({ verb: 'create', resource: 'resourcecontexts', times: 1, error: { status: 500, reason: '' } });
    const mark: Action = { do: 'mark', pod: pods[0], labels: { x: '1' }, annotations: {} };
    await expect(run([{ do: 'writeContext', entries }, mark])).rejects.toThrow('500');
    expect(writes()).not.toContain('patch pods');
  });

  test('counts and reports only what was written', async () => {
    const { run, pods, done, counted } = aPass();
    const [first, second] = pods;
    const outcome = await run([
      { do: 'begin', pod: first, operation: 'scale-in' },
      { do: 'cancel', pod: second, operation: 'scale-in' },
    ]);
    expect(done.map(({ action }) => action.do)).toEqual(['begin']);
    expect(outcome.done).toEqual(done);
    expect(counted).toEqual(['begin']);
  });

  test('leaves a Pod alone after a conflict, until the cache has caught up', async () => {
    const { run, pods, cluster, pass, writes } = aPass();
    const pod = pods[0];
    const mark: Action = { do: 'mark', pod, labels: { x: '1' }, annotations: {} };
    cluster.failWrite({ verb: 'patch', resource: 'pods', times: 1, error: { status: 409, reason: 'Conflict' } });
    const { lanes } = await run([mark]);
    expect(lanes.others).toMatchObject({ conflicts: 1, failures: [] });
    const before = writes().length;
    await run([mark]);
    expect(writes()).toHaveLength(before);
    const changed = cluster.change<Pod>(PODS, keyOf(pod), (old) => ({
      ...old,
      metadata: { ...old.metadata, labels: { ...old.metadata.labels, y: '1' } },
    }));
    await run([{ ...mark, pod: changed }]);
    expect(writes().length).toBeGreaterThan(before);
    expect(pass.wakeUpMs).toBeGreaterThan(0);
  });

  test('begins no write once the set is no longer ours, and asks to be run again', async () => {
    const { run, pods, stop, writes, pass } = aPass();
    stop.abort();
    const { lanes } = await run([{ do: 'begin', pod: pods[0], operation: 'scale-in' }]);
    expect(writes()).toEqual([]);
    expect(lanes['scale-in'].left).toBe(1);
    expect(pass.wakeUpMs).toBe(0);
  });

  test('begins nothing at all once the set is no longer ours', async () => {
    const { run, stop, writes } = aPass();
    stop.abort(new Error('the Lease is lost'));
    await expect(run([{ do: 'writeContext', entries }])).rejects.toThrow('the Lease is lost');
    expect(writes()).toEqual([]);
  });

  test.each([
    { status: 409, reason: 'Conflict', written: 3, what: 'a conflict does not keep the next step' },
    { status: 500, reason: 'InternalError', written: 1, what: 'another failure keeps the next step' },
  ])('in housekeeping $what from being written', async ({ status, reason, written }) => {
    const { run, cluster, writes } = aPass();
    const revision = (name: string) =>
      cluster.add(CONTROLLER_REVISIONS, {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: { namespace: 'default', name },
        revision: 1,
      } as never);
    const actions = ['a', 'b', 'c'].map((name): Action => ({ do: 'expireRevision', revision: revision(name) }));
    cluster.writes.length = 0;
    cluster.failWrite({ verb: 'delete', resource: 'controllerrevisions', times: 1, error: { status, reason } });
    const { failures } = await run(actions);
    expect(failures).toMatchObject([{ status }]);
    expect(writes().filter((write) => write === 'delete controllerrevisions')).toHaveLength(written);
  });
});
