import { doubledInstances, recreateChecks, rollChecks, touchedInTraffic } from '@kuperator/observer';
import { afterEach, expect, test } from 'vitest';
import { type Application, DEADLINE_MS } from './application.ts';
import { broken } from './judge.ts';
import { OPERATORS, operatorProcesses, passesOf, TWO_REPLICAS } from './operators.ts';
import { stage } from './stage.ts';

const on = stage({ replicas: TWO_REPLICAS });
const pods = 4;

/** With 5 CollaSets each replica owns some keys. The change of two CollaSets needs new Pods. */
async function deploySets(prefix: string): Promise<{ kept: readonly Application[]; renewed: readonly Application[] }> {
  const deploy = (name: string) =>
    on.deploy({
      namespace: `${prefix}-${name}`,
      replicas: pods,
      maxUnavailable: 1,
      image: 'web:v1',
      imageChangeDelay: '500ms',
    });
  const apps = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(deploy));
  return { kept: apps.slice(0, 3), renewed: apps.slice(3) };
}

/** Rolls all CollaSets, calls `act` once every roll has begun, and judges the result. */
async function roll(
  { kept, renewed }: Awaited<ReturnType<typeof deploySets>>,
  change: { image: string; setting: string },
  act: (apps: readonly Application[]) => Promise<void>,
): Promise<void> {
  const { image, setting } = change;
  const apps = [...kept, ...renewed];
  const uidsBefore = new Map(apps.map((app) => [app, app.uids()]));
  for (const app of apps) app.observer.reset();
  await Promise.all([
    ...kept.map((app) => app.changeTemplate({ image })),
    ...renewed.map((app) => app.changeTemplate({ image, setting })),
  ]);
  await Promise.all(apps.map((app) => app.reached(image, 1)));
  await act(apps);
  expect(apps.filter((app) => app.running(image) < pods)).not.toEqual([]);

  await Promise.all(apps.map((app) => app.serves({ replicas: pods, image })));
  for (const app of apps) {
    const sighting = app.observer.sighting();
    const about = { sighting, pods, mayBeOut: 1, uidsBefore: uidsBefore.get(app) ?? new Set(), uidsAfter: app.uids() };
    expect(broken(kept.includes(app) ? rollChecks(about) : recreateChecks(about))).toEqual([]);
    expect(doubledInstances(sighting)).toEqual([]);
    expect(app.instanceIds()).toEqual([0, 1, 2, 3]);
    await expect.poll(() => app.recordedIds(), { timeout: DEADLINE_MS }).toEqual(app.instanceIds());
  }
}

function signal(index: number, name: NodeJS.Signals): void {
  for (const process of operatorProcesses(on.cluster)) {
    if (process.pid !== 0 && process.name.endsWith(`-${index}`)) globalThis.process.kill(process.pid, name);
  }
}

afterEach(() => signal(1, 'SIGCONT'));

test('deletions go through the one replica that the API server calls, whichever replica owns the Pods', async () => {
  const owned = await on.deployOwned({ namespace: 'delete', owner: 'nobody', replicas: 8, maxUnavailable: 4 });
  await Promise.all(owned.names().map((name) => owned.kubectl('delete', 'pod', name)));
  await owned.observer.until('none of them is left', () => owned.pods().length === 0, DEADLINE_MS);
  const sighting = owned.observer.sighting();
  expect(sighting.touches.filter(({ what }) => what === 'deleted')).toHaveLength(8);
  expect(touchedInTraffic(sighting)).toEqual([]);
});

test('replicas work in parallel, and one takes over when the other is killed in the middle of a roll', async () => {
  const sets = await deploySets('kill');
  await roll(sets, { image: 'web:v2', setting: 'b' }, async () => {
    for (const replica of operatorProcesses(on.cluster)) {
      expect(await passesOf(replica), `passes of ${replica.name}`).toBeGreaterThan(0);
    }
    await Promise.all(OPERATORS.map((operator) => on.cluster.stop(`${operator}-0`, 'SIGKILL')));
  });
});

test('a replica that is paused until its Lease expires is replaced, and does no harm when it continues', async () => {
  await Promise.all(OPERATORS.map((operator) => on.cluster.start(`${operator}-0`)));
  const sets = await deploySets('sleep');
  await roll(sets, { image: 'web:v2', setting: 'b' }, async () => signal(1, 'SIGSTOP'));
  await roll(sets, { image: 'web:v3', setting: 'c' }, async () => signal(1, 'SIGCONT'));
});
