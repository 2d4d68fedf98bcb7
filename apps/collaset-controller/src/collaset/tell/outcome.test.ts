// Event reasons that users and tools know from the Go implementation.
import { COLLA_SETS, PODS, type Pod, REVISION_LABEL, TO_REPLACE_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import { anew, data, template } from '../../test/scenarios.ts';
import { World } from '../../test/world.ts';

type Spec = Parameters<typeof aSet>[0];

async function running(spec: Spec = {}): Promise<World> {
  const world = new World(aSet({ template: template('app:v1'), replicas: 2, ...spec }));
  await world.run();
  return world;
}

const someName = (world: World) => world.active()[0]?.metadata.name ?? '';

function deleted(world: World): void {
  world.cluster.finishTermination(COLLA_SETS, world.key);
}

describe('reports in Events', () => {
  test.each<{ name: string; spec?: Spec; act: (world: World) => void; reasons: string[] }>([
    { name: 'scaling out', act: (world) => world.edit({ replicas: 3 }), reasons: ['UpdateToTargetContext', 'Scaled'] },
    {
      name: 'scaling in',
      act: (world) => world.edit({ replicas: 1 }),
      reasons: ['BeginScaleInLifecycle', 'Scaled', 'TargetDeleted', 'ResourceContextClean'],
    },
    {
      name: 'an update in place',
      act: (world) => world.edit({ template: template('app:v2') }),
      reasons: ['TargetUpdateLifecycle', 'UpdateTarget', 'UpdateReady', 'UpdateTargetFinished'],
    },
    {
      name: 'an update by recreation',
      act: (world) => world.edit({ template: anew }),
      reasons: ['TargetUpdateLifecycle', 'UpdateTarget', 'Scaled'],
    },
    {
      name: 'an update by replacing',
      spec: { updateStrategy: { podUpgradePolicy: 'Replace' } },
      act: (world) => world.edit({ template: anew }),
      reasons: ['ReplaceUpdateTarget', 'CreatePairTarget', 'UpdateOriginTarget'],
    },
    { name: 'the deletion of the set', act: deleted, reasons: ['TargetsDeleted'] },
  ])('$name', async ({ spec, act, reasons }) => {
    const world = await running(spec);
    world.replica.told.clear();
    act(world);
    await world.run();
    expect([...world.replica.told]).toEqual(expect.arrayContaining(reasons));
    expect([...world.replica.warnings]).toEqual([]);
  });

  test.each<{ reason: string; act: (world: World) => void; end: (world: World) => void }>([
    {
      reason: 'TargetScaleInLifecycle',
      act(world) {
        world.permits = false;
        world.edit({ replicas: 1 });
      },
      end(world) {
        world.permits = true;
      },
    },
    {
      reason: 'WaitingUpdateReady',
      act(world) {
        world.stuck.add('app:v2');
        world.edit({ template: template('app:v2') });
      },
      end: (world) => world.stuck.clear(),
    },
  ])('a wait once, for however many passes it lasts: $reason', async ({ reason, act, end }) => {
    const world = await running();
    const count = () => world.replica.notes.filter((note) => note.startsWith(reason)).length;
    act(world);
    await world.run();
    for (let i = 0; i < 5; i++) await world.pass();
    expect(count()).toBe(1);
    end(world);
    await world.run();
    expect(count()).toBe(1);
  });

  test.each([
    { name: 'in place', image: template('app:v2') },
    { name: 'by recreation', image: anew },
  ])('an update $name of many Pods in as few Events as one of few Pods', async ({ image }) => {
    const told = async (replicas: number) => {
      const world = await running({ replicas });
      world.replica.notes.length = 0;
      world.edit({ template: image });
      await world.run();
      return new Set(world.replica.notes);
    };
    expect(await told(20)).toEqual(await told(2));
  });

  test.each<{ reason: string; resource: string; verb: 'create' | 'patch'; holds: string; act: (world: World) => void }>(
    [
      {
        reason: 'ReclaimOwnedIDs',
        resource: 'resourcecontexts',
        verb: 'patch',
        holds: '"contexts":[{"id":0,',
        act: (world) => world.edit({ replicas: 1 }),
      },
      {
        reason: 'ReplaceTarget',
        resource: 'pods',
        verb: 'create',
        holds: '',
        act: (world) => world.editPod(someName(world), { [TO_REPLACE_LABEL]: '1' }),
      },
      {
        reason: 'ExcludeIncludeFailed',
        resource: 'pods',
        verb: 'patch',
        holds: 'orphaned',
        act: (world) => world.edit({ scaleStrategy: { podToExclude: [someName(world)] } }),
      },
    ],
  )('a failure: $reason', async ({ reason, resource, verb, holds, act }) => {
    const world = await running();
    act(world);
    const isMeant = (text: string) => text.includes(holds) && !text.includes('"id":1,');
    const matching = ({ body }: { body: unknown }) => isMeant(JSON.stringify(body));
    world.cluster.failWrite({ resource, verb, matching, error: { status: 403, reason: 'Forbidden', message: 'no' } });
    await world.run();
    expect([...world.replica.warnings]).toContain(reason);
  });

  test('the deletion of a successor that is no longer wanted', async () => {
    const world = await running();
    world.stuck.add('app:v1');
    const origin = someName(world);
    world.editPod(origin, { [TO_REPLACE_LABEL]: '1' });
    await world.run();
    world.editPod(origin, { [TO_REPLACE_LABEL]: null });
    await world.run();
    expect(world.replica.told).toContain('DeleteOldNewTarget');
  });

  test('the recreation of a Pod of unknown revision', async () => {
    const world = await running();
    world.cluster.change<Pod>(PODS, `default/${someName(world)}`, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [REVISION_LABEL]: 'gone' } },
    }));
    await world.run();
    expect(world.replica.warnings).toContain('TargetCurrentRevisionNotFound');
  });

  test.each([
    { name: 'the finalizer cannot be set', isNew: true, reason: 'FailedAddFinalizer' },
    { name: 'the finalizer cannot be removed', isNew: false, reason: 'FailedRemoveFinalizer' },
  ])('$name', async ({ isNew, reason }) => {
    const world = isNew ? new World(aSet({ template: template('app:v1') })) : await running({ replicas: 0 });
    if (!isNew) deleted(world);
    const isFinalizer = (body: unknown) => JSON.stringify(body).includes('finalizers');
    const matching = ({ body }: { body: unknown }) => isFinalizer(body);
    world.cluster.failWrite({ resource: 'collasets', matching, error: { status: 403, reason: 'Forbidden' } });
    await world.pass();
    expect(world.replica.warnings).toContain(reason);
    await world.run();
    expect(world.cluster.get(COLLA_SETS, world.key)?.metadata.finalizers?.length).toBe(isNew ? 1 : undefined);
  });
});

describe('a failed deletion reports the failed step', () => {
  const retained = { scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' as const } } };

  test.each([
    { what: 'persistentvolumeclaims', reason: 'ReclaimSubResourcesFailed' },
    { what: 'pods', reason: 'ReclaimTargetsDeletionFailed' },
    { what: 'resourcecontexts', reason: 'ReclaimResourceContext' },
  ])('$what', async ({ what, reason }) => {
    const world = await running({ ...data('1Gi'), ...retained });
    deleted(world);
    world.cluster.failWrite({ resource: what, error: { status: 403, reason: 'Forbidden', message: 'no' } });
    for (let i = 0; i < 12 && !world.condition('Terminating').includes(reason); i++) {
      await world.pass();
      if (world.condition('Terminating').includes(reason)) break;
      world.others();
      world.clock.advance(5000);
    }
    expect(world.condition('Terminating')).toMatch(new RegExp(`^False ${reason}`));
    await world.run();
    expect(world.pods()).toEqual([]);
  });
});
