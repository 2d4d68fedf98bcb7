import { COLLA_SETS, MAX_REPLICAS, RESOURCE_CONTEXTS, type ResourceContext } from '@kuperator/api';
import { aResourceContext } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aSet } from '../../test/builders.ts';
import { World } from '../../test/world.ts';
import { capacityFor } from './capacity.ts';
import { poolOf } from './instance-id.ts';
import { membersOf } from './members.ts';

const REVISION = 'web-5f6d8c7b9d';

/** A ResourceContext in which another set has `count` ids, and a name of `length` characters. */
const filled = (count: number, length = 20): ResourceContext =>
  aResourceContext({
    metadata: { name: 'web' },
    spec: {
      contexts: Array.from({ length: count }, (_, index) => ({
        id: index + 100,
        data: { Owner: 'o'.repeat(length), Revision: 'r'.repeat(length) },
      })),
    },
  });

const capacityOf = (missing: number, context?: ResourceContext, pods = 0) => {
  const set = aSet({ replicas: missing + pods });
  const members = membersOf(
    set,
    Array.from({ length: pods }, (_, id) => aMember({ id })),
  );
  return capacityFor({ set, pool: poolOf(set, context), members, missing, revision: REVISION });
};

describe('capacityFor', () => {
  test('allows all Pods of a set of ordinary size', () => {
    expect(capacityOf(2000)).toEqual({ missing: 2000 });
    expect(capacityOf(10_000)).toEqual({ missing: 10_000 });
  });

  test('limits the Pods to the maximum of the definition, even if more replicas are stored', () => {
    const { missing, beyond } = capacityOf(2_147_483_640, undefined, 7);
    expect(missing).toBeLessThanOrEqual(MAX_REPLICAS - 7);
    expect(missing).toBeGreaterThan(10_000);
    expect(beyond).toContain('of 2147483647 Pods are not created');
  });

  test('counts the ids that other sets have in a shared context, by their size', () => {
    expect(capacityOf(3000, filled(6500)).missing).toBe(3000);
    const { missing, beyond } = capacityOf(3000, filled(6500, 63));
    expect(missing).toBeLessThan(3000);
    expect(beyond).toContain('because etcd limits it to 1.5 MiB');
    expect(capacityOf(1, filled(20_000))).toMatchObject({ missing: 0 });
  });

  test('keeps a full context within the limit of etcd while every Pod is recreated', () => {
    const set = aSet({ replicas: MAX_REPLICAS });
    const { missing } = capacityFor({
      set,
      pool: poolOf(set, undefined),
      members: membersOf(set, []),
      missing: MAX_REPLICAS,
      revision: REVISION,
    });
    const data = { Owner: 'web', Revision: REVISION, RecreateUpdate: 'true', Incarnation: '9' };
    const contexts = Array.from({ length: missing }, (_, id) => ({ id, data }));
    expect(JSON.stringify({ contexts }).length).toBeLessThan(1.5 * 2 ** 20 - 50_000);
  });
});

describe('a set with more replicas than its context has room for', () => {
  test('creates the Pods that fit, and reports why it does not create the others', async () => {
    const full = filled(13_000);
    const world = new World(aSet({ replicas: 5000 }));
    const room = capacityOf(5000, full).missing;
    expect(room).toBeLessThan(100);
    world.cluster.add(RESOURCE_CONTEXTS, full);
    await world.replica.pass(world.key);
    expect(world.pods()).toHaveLength(room);
    const { conditions = [] } = world.cluster.get(COLLA_SETS, world.key)?.status ?? {};
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: 'Scale',
        status: 'False',
        reason: 'ScaleOutFailed',
        message: expect.stringContaining('ResourceContext web has no room for their instance ids'),
      }),
    );
  });

  test('reports Stalled and stops creating Pods if no more fit', async () => {
    const world = new World(aSet({ replicas: 5000 }));
    world.cluster.add(RESOURCE_CONTEXTS, filled(20_000));
    await world.replica.pass(world.key);
    expect(world.pods()).toHaveLength(0);
    const { conditions = [] } = world.cluster.get(COLLA_SETS, world.key)?.status ?? {};
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
    const { requeueAfterMs } = await world.replica.attempt(world.key);
    expect(requeueAfterMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(0);
  });
});

test('a large context is written without managedFields, which would be larger than its entries', async () => {
  const world = new World(aSet({ replicas: 1001 }));
  await world.replica.pass(world.key);
  const writes = world.cluster.writes.filter(({ resource }) => resource === 'resourcecontexts');
  expect(writes.map(({ verb }) => verb)).toEqual(['create', 'patch']);
  expect(writes[1]?.body).toMatchObject({ metadata: { managedFields: [{}] } });
});
