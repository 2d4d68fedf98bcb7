import {
  COLLA_SETS,
  CONTROLLER_REVISIONS,
  controllerOf,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  RESOURCE_CONTEXTS,
  REVISION_COLLISION_LABEL,
  REVISION_HASH_LABEL,
  type Resource,
} from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import { World } from '../../test/world.ts';
import { adoptableRevisions } from './orphans.ts';

describe('adoptableRevisions', () => {
  const orphan = (name: string, labels: Record<string, string>) => ({
    metadata: { name, labels },
    data: {},
    revision: 1,
  });
  const ours = { app: 'web', [REVISION_HASH_LABEL]: 'x7', [REVISION_COLLISION_LABEL]: '0' };

  test.each([
    { name: 'of the set’s name and labels', orphan: orphan('web-x7', ours), count: 1 },
    { name: 'of another set with these labels', orphan: orphan('api-x7', ours), count: 0 },
    { name: 'of another selector', orphan: orphan('web-x7', { ...ours, app: 'x' }), count: 0 },
    { name: 'of a controller that marks them otherwise', orphan: orphan('web-x7', { app: 'web' }), count: 0 },
    {
      name: 'of a StatefulSet of the name',
      orphan: orphan('web-x7', { app: 'web', [REVISION_HASH_LABEL]: 'x7' }),
      count: 0,
    },
  ])('adopts $count $name', ({ orphan, count }) => {
    expect(adoptableRevisions(aSet(), [orphan])).toHaveLength(count);
  });

  test.each([
    { name: 'with the labels of its template', labels: ours, count: 1 },
    { name: 'made without labels, as the Go implementation does', labels: { ...ours, app: undefined }, count: 1 },
    { name: 'of another value', labels: { ...ours, app: 'x' }, count: 0 },
  ])('under a selector with expressions, adopts $count $name (T104)', ({ labels, count }) => {
    const expression = { key: 'app', operator: 'In' as const, values: ['web'] };
    const set = aSet({ selector: { matchLabels: undefined, matchExpressions: [expression] } });
    const given = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined));
    expect(adoptableRevisions(set, [orphan('web-x7', given as Record<string, string>)])).toHaveLength(count);
  });
});

describe('a new set with the name of a set that was deleted with --cascade=orphan', () => {
  const claims = {
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } }],
  };
  const forsake = <T extends Parameters<World['cluster']['add']>[1]>(world: World, resource: Resource<T>) => {
    for (const { metadata } of world.cluster.list(resource)) {
      world.cluster.change<T>(resource, `default/${metadata.name}`, (object) => ({
        ...object,
        metadata: { ...object.metadata, ownerReferences: [] },
      }));
    }
  };

  test('creates its own Pods and claims, and adopts the revisions of the orphans', async () => {
    const world = new World(aSet({ replicas: 2, ...claims }));
    await world.run();
    const [orphans, mounted] = [world.pods(), world.cluster.list(PERSISTENT_VOLUME_CLAIMS)].map((objects) =>
      objects.map(({ metadata }) => metadata.name),
    );
    world.cluster.remove(COLLA_SETS, world.key);
    world.cluster.remove(RESOURCE_CONTEXTS, world.key);
    forsake(world, PODS);
    forsake(world, PERSISTENT_VOLUME_CLAIMS);
    forsake(world, CONTROLLER_REVISIONS);
    world.cluster.add(COLLA_SETS, aSet({ replicas: 2, ...claims }, { metadata: { uid: 'web-uid-2' } }));
    for (let i = 0; i < 8; i++) {
      await world.pass();
      world.others();
      world.clock.advance(2000);
    }
    const ownerOf = (name: string | undefined, resource: Resource) => {
      const object = world.cluster.get(resource, `default/${name}`);
      return object && controllerOf(object)?.uid;
    };
    expect(world.pods()).toHaveLength(4);
    for (const name of orphans ?? []) expect(ownerOf(name, PODS)).toBeUndefined();
    for (const name of mounted ?? []) expect(ownerOf(name, PERSISTENT_VOLUME_CLAIMS)).toBeUndefined();
    expect(world.cluster.list(CONTROLLER_REVISIONS).map((revision) => controllerOf(revision)?.uid)).toEqual([
      'web-uid-2',
    ]);
    expect(world.set().status).toMatchObject({ replicas: 2, availableReplicas: 2 });
  });
});
