// The API server's completion of templates, on the in-memory cluster, which fills in no defaults.
import { CONTROLLER_REVISIONS, type CollaSet, PODS } from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import { World } from '../../test/world.ts';

type Spec = Given<CollaSet>['spec'];
const template = (container: object) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image: 'app:v1', ...container }] },
});
const aWorld = (spec: Spec = {}) => new World(aSet({ template: template({}), replicas: 2, ...spec }));
const uids = (world: World) => world.active().map(({ metadata }) => metadata.uid);
const revisions = (world: World) => world.cluster.list(CONTROLLER_REVISIONS).length;

const unknown = {
  status: 400,
  reason: 'BadRequest',
  message:
    'PodTemplate in version "v1" cannot be handled: strict decoding error: unknown field "template.spec.containers[0].livenesProbe"',
};
const field = 'unknown field "spec.template.spec.containers[0].livenesProbe"';

function refusing(
  world: World,
  error: { status: number; reason: string; message?: string } | 'connection',
  times = 1000,
) {
  const matching = ({ body }: { body?: unknown }) => JSON.stringify(body).includes('livenesProbe');
  world.cluster.failWrite({ resource: 'podtemplates', dryRun: true, times, error, matching });
}

async function passes(world: World, count = 10): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.pass().catch(() => {});
    world.others();
    world.clock.advance(1100);
  }
}

describe('a field the API server does not know (T113)', () => {
  test('keeps a new set without Pods, and is reported in its condition and an Event', async () => {
    const world = aWorld({ template: template({ livenesProbe: {} }) });
    refusing(world, unknown);
    await passes(world);
    expect(world.active()).toEqual([]);
    expect(world.condition('Scale')).toMatch(/^False ScaleOutFailed the template of web-\w+ is refused: /);
    expect(world.condition('Scale')).toContain(field);
    world.edit({ template: template({ livenessProbe: {} }) });
    await world.run();
    expect(world.active()).toHaveLength(2);
    expect(world.condition('Scale')).toBe('True Scaled');
  });

  test('deletes no Pod of a set whose template gets it', async () => {
    const world = aWorld();
    await world.run();
    const before = uids(world);
    refusing(world, unknown);
    world.edit({ template: template({ livenesProbe: {} }) });
    await passes(world);
    expect(uids(world)).toEqual(before);
    expect(world.condition('Update')).toContain(field);
  });

  test('does not stop the recreation of Pods that already had it', async () => {
    const world = aWorld({ template: template({ livenesProbe: {} }), replicas: 1 });
    await world.run();
    refusing(world, unknown);
    for (const { metadata } of world.active()) world.cluster.remove(PODS, `default/${metadata.name}`);
    await world.run();
    expect(world.active()).toHaveLength(1);
  });

  test.each([
    ['we may not ask', { status: 403, reason: 'Forbidden' }],
    ['the template is refused for another reason, which the creation will say', { status: 422, reason: 'Invalid' }],
  ])('is not assumed if %s', async (_, error) => {
    const world = aWorld({ template: template({ livenesProbe: {} }) });
    refusing(world, error);
    await world.run();
    expect(world.active()).toHaveLength(2);
  });

  test('is checked again if the API server did not answer', async () => {
    const world = aWorld({ template: template({ livenesProbe: {} }) });
    refusing(world, 'connection', 2);
    await passes(world);
    await world.run();
    expect(world.active()).toHaveLength(2);
  });
});

test('creates no revision until the API server tells whether it is a new one', async () => {
  const world = aWorld();
  await world.run();
  refusing(world, { status: 500, reason: 'InternalError' }, 3);
  world.edit({ template: template({ livenesProbe: {} }) });
  await world.pass().catch(() => {});
  expect(revisions(world)).toBe(1);
  await passes(world);
  await world.run();
  expect(revisions(world)).toBe(2);
});
