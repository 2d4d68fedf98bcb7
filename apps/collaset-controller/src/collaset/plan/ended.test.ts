import { isTerminal, PERSISTENT_VOLUME_CLAIMS, PODS, type Pod } from '@kuperator/api';
import { aCondition } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aRevision, aSet } from '../../test/builders.ts';
import { idOf, World } from '../../test/world.ts';
import { ENDED, type EntryData } from '../ids/instance-id.ts';
import { membersOf } from '../ids/members.ts';
import { heldMessage, KEPT_ENDED, planEnded } from './ended.ts';

const IMAGE = 'nginx:1';
const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'main', image }] },
});
const sequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } } as const;
const policies = [
  { naming: 'random names', spec: {} },
  { naming: 'names by sequence', spec: sequence },
];

/** Runs the operator for a number of seconds. @returns the seconds in which Pods were created, and how many */
async function seconds(world: World, count: number): Promise<number[]> {
  const created: number[] = [];
  for (let second = 0; second < count; second++) {
    for (let pass = 0; pass < 3; pass++) {
      await world.pass();
      world.checkInvariants();
      world.others();
    }
    created.push(world.takeWrites()['create pods'] ?? 0);
    world.clock.advance(1000);
  }
  return created;
}

const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
const when = (counts: readonly number[]) => counts.flatMap((count, second) => (count > 0 ? [second] : []));
const ended = (world: World) => world.pods().filter(isTerminal);

describe.each(policies)('with $naming, Pods that end as soon as they start', ({ spec }) => {
  test('are recreated after a growing back-off (T107)', async () => {
    const world = new World(aSet({ replicas: 1, template: template(IMAGE), ...spec }));
    world.failing.add(IMAGE);
    const created = await seconds(world, 300);
    expect(sum(created.slice(0, 60))).toBeLessThan(10);
    const times = when(created);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
  });

  test('are reported with their reason in the condition and in an Event', async () => {
    const world = new World(aSet({ replicas: 1, template: template(IMAGE), ...spec }));
    world.failing.add(IMAGE);
    // If only the text of a condition changes, it is written every ten seconds.
    await seconds(world, 12);
    expect(world.condition('Scale')).toMatch(
      /^False ScaleOutFailed Pod web-\w+ of instance 0 has ended \(Failed, OutOfcpu: .* cpu\), 4 in a row: its next Pod is created after 2026-/,
    );
    expect(world.replica.warnings).toContain('ScaleOutFailed');
  });

  test('keep their back-off after a restart of the operator', async () => {
    const world = new World(aSet({ replicas: 1, template: template(IMAGE), ...spec }));
    world.failing.add(IMAGE);
    const created: number[] = [];
    for (let round = 0; round < 12; round++) {
      created.push(...(await seconds(world, 10)));
      world.restart();
    }
    const times = when(created);
    expect(times.slice(1).map((time, index) => time - (times[index] ?? 0))).toEqual([1, 2, 4, 8, 16, 32]);
  });

  test('are recreated immediately from another template', async () => {
    const world = new World(aSet({ replicas: 2, template: template(IMAGE), ...spec }));
    world.failing.add(IMAGE);
    await seconds(world, 50);
    world.edit({ template: template('nginx:2') });
    await seconds(world, 2);
    expect(world.images()).toEqual(['nginx:2', 'nginx:2']);
    await world.run();
    expect(world.condition('Scale')).toBe('True Scaled');
  });

  test('keep their claims and get no further ones', async () => {
    const claim = { metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } };
    const world = new World(aSet({ replicas: 2, volumeClaimTemplates: [claim], template: template(IMAGE), ...spec }));
    await world.run();
    const claims = () => world.cluster.list(PERSISTENT_VOLUME_CLAIMS).map(({ metadata }) => metadata.uid);
    const before = claims();
    world.failing.add(IMAGE);
    fail(world);
    await seconds(world, 40);
    expect(claims()).toEqual(before);
  });

  test('are counted from one again after a Pod that ran for long', async () => {
    const world = new World(aSet({ replicas: 1, template: template(IMAGE), ...spec }));
    world.failing.add(IMAGE);
    await seconds(world, 40);
    world.failing.delete(IMAGE);
    await seconds(world, 40);
    world.clock.advance(700_000);
    fail(world);
    expect(when(await seconds(world, 3))).toEqual([0]);
    expect(world.context()?.spec.contexts?.[0]?.data?.[ENDED]).toMatch(/^1\//);
  });

  test('stay as they are while the set is paused', async () => {
    const world = new World(aSet({ replicas: 2, template: template(IMAGE), ...spec }));
    await world.run();
    world.edit({ paused: true });
    fail(world);
    world.takeWrites();
    await seconds(world, 20);
    expect(world.takeWrites()['create pods']).toBeUndefined();
    expect(ended(world)).toHaveLength(2);
  });
});

/** Evicts all Pods. */
function fail(world: World): void {
  for (const pod of world.active()) {
    world.cluster.change<Pod>(PODS, `default/${pod.metadata.name}`, (old) => ({
      ...old,
      status: { ...old.status, phase: 'Failed', reason: 'Evicted' },
    }));
  }
}

describe('ended Pods under random names', () => {
  test('are deleted except for the youngest few (T107)', async () => {
    const world = new World(aSet({ replicas: 3, template: template(IMAGE) }));
    await world.run();
    for (let round = 0; round < 20; round++) {
      fail(world);
      world.clock.advance(700_000);
      await world.run();
    }
    expect(world.ids()).toEqual([0, 1, 2]);
    expect(ended(world)).toHaveLength(KEPT_ENDED);
    expect(world.replica.told).toContain('EndedTargetDeleted');
  });

  test('are deleted with their instance ids', async () => {
    const world = new World(aSet({ replicas: 3, template: template(IMAGE) }));
    await world.run();
    fail(world);
    await world.run();
    world.edit({ replicas: 1 });
    await world.run();
    expect(ended(world).map(idOf)).toEqual([0]);
  });
});

test('successors that end as soon as they start are recreated after a growing back-off, and their origins stay in service', async () => {
  const spec = { updateStrategy: { podUpgradePolicy: 'Replace' } } as const;
  const world = new World(aSet({ replicas: 2, template: template(IMAGE), ...spec }));
  await world.run();
  world.failing.add('nginx:2');
  world.edit({ template: template('nginx:2') });
  world.takeWrites();
  const created = await seconds(world, 120);
  expect(sum(created)).toBeLessThan(20);
  expect(world.images().filter((image) => image === IMAGE)).toHaveLength(2);
  world.edit({ template: template('nginx:3') });
  await seconds(world, 2);
  expect(world.images()).toContain('nginx:3');
});

describe('planEnded', () => {
  const revision = aRevision('web-1').name;
  const endedPod = (id: number, created: number, name = `web-${id}-${created}`) =>
    aMember({ id, name, created, given: { metadata: { uid: name }, status: { phase: 'Failed' } } });
  type Given = { entries: Record<number, EntryData>; pods: readonly Pod[]; nowMs: number; next?: string };
  const planFor = ({ entries, pods, nowMs, next = 'web-1' }: Given) => {
    const set = aSet();
    const own = new Map(Object.entries(entries).map(([id, data]) => [Number(id), data]));
    const pool = { own, foreign: new Map(), hasLeftovers: false };
    const members = membersOf(set, pods);
    const vacancies = new Set(own.keys());
    return planEnded({ set, members, pool, vacancies, surplus: new Set(), nextRevision: () => next, nowMs });
  };
  const at = (minutes: number, seconds = 0) => Date.UTC(2026, 0, 1, 0, minutes, seconds);

  test.each([
    { name: 'the first one', record: undefined, waits: 1, becomes: '1/p' },
    { name: 'the fourth in a row', record: '3/other', waits: 8, becomes: '4/p' },
    { name: 'one that is counted already', record: '3/p', waits: 4, becomes: '3/p' },
    { name: 'very many', record: '200/other', waits: 300, becomes: '201/p' },
    { name: 'a record that cannot be read', record: 'many', waits: 1, becomes: '1/p' },
  ])('holds the id after $name', ({ record, waits, becomes }) => {
    const entry = { Revision: revision, ...(record ? { [ENDED]: record } : {}) };
    const { held, records } = planFor({ entries: { 0: entry }, pods: [endedPod(0, 0, 'p')], nowMs: at(0) });
    expect(held.get(0)?.untilMs).toBe(at(0, waits));
    expect(records.get(0)).toBe(becomes);
  });

  test('does not hold an id that has another Pod, or whose next Pod has another revision', () => {
    const pods = [endedPod(0, 0), aMember({ id: 0 })];
    const nowMs = at(0);
    const first = pods.slice(0, 1);
    expect(planFor({ entries: { 0: {} }, pods, nowMs }).held.size).toBe(0);
    expect(planFor({ entries: { 0: {} }, pods: first, nowMs, next: 'web-2' }).held.size).toBe(0);
    expect(planFor({ entries: { 0: { ScaleIn: 'true' } }, pods: first, nowMs }).held.size).toBe(0);
  });

  test('extends the back-off if very many ids fail at once', () => {
    const pods = Array.from({ length: 200 }, (_, id) => endedPod(id, 0));
    const entries = Object.fromEntries(pods.map((_, id) => [id, {}]));
    expect(planFor({ entries, pods, nowMs: at(0) }).held.get(7)?.untilMs).toBe(at(0, 20));
    expect(planFor({ entries, pods: pods.slice(0, 10), nowMs: at(0) }).held.get(7)?.untilMs).toBe(at(0, 1));
  });

  test('keeps the last Pod of every id that waits, and the youngest of the others', () => {
    const waiting = Array.from({ length: 8 }, (_, id) => endedPod(id, 30));
    const older = Array.from({ length: 8 }, (_, index) => endedPod(0, index));
    const entries = Object.fromEntries(waiting.map((_, id) => [id, {}]));
    const { purge } = planFor({ entries, pods: [...older, ...waiting], nowMs: at(30) });
    expect(purge.map(({ metadata }) => metadata.name)).toEqual(['web-0-2', 'web-0-1', 'web-0-0']);
  });

  test('plans nothing if no Pod has ended', () => {
    const pod = aMember({ id: 0, given: { status: { conditions: [aCondition('Ready', true)] } } });
    const plan = planFor({ entries: { 0: {} }, pods: [pod], nowMs: at(0) });
    expect([plan.held.size, plan.purge.length, heldMessage(plan.held)]).toEqual([0, 0, undefined]);
  });
});
