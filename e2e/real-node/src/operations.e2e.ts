// The operations of a set on one node. No request over a new connection fails, and every container is out of the packet filter before
// it is asked to stop.
import { TO_REPLACE_LABEL } from '@kuperator/api';
import { afterEach, expect, test } from 'vitest';
import type { Application, ApplicationOptions } from './application.ts';
import { tagOf } from './images.ts';
import { expectNothingLost, type Measured, measure } from './operation.ts';
import { defaultMinSyncPeriodMs, restartProxy } from './proxy.ts';
import { stage } from './stage.ts';

const on = stage();
const replicas = 4;
const all = (version: string, count = replicas) => Array.from({ length: count }, () => version);
const uidsOf = (application: Application) => application.pods().map(({ metadata }) => metadata.uid ?? '');
const namesOf = (application: Application) => application.pods().map(({ metadata }) => metadata.name ?? '');

afterEach(async () => {
  await on.finish();
});

type Context = { application: Application; round: number };

/** Deploys an application and has an operation done on it while requests go through its Service. */
async function under(
  title: string,
  options: Omit<ApplicationOptions, 'replicas'>,
  act: (context: Context) => Promise<void>,
): Promise<{ application: Application; measured: Measured; uids: readonly string[] }> {
  const application = await on.deploy({ replicas, ...options });
  const uids = uidsOf(application);
  const measured = await measure(title, { cluster: on.cluster, application }, (round) => act({ application, round }));
  expectNothingLost(measured);
  return { application, measured, uids };
}

/** Rolls a new image, and has each Pod asked for the version that it really runs. */
async function rollImage({ application, round }: Context, during?: () => Promise<void>): Promise<void> {
  await application.update({ tag: tagOf(round) });
  await during?.();
  await application.serves();
  expect(await application.versions()).toEqual(all(tagOf(round)));
}

test('a new image rolls in place', async () => {
  const { application, measured, uids } = await under('new image, in place', { name: 'in-place' }, rollImage);
  expect(uidsOf(application).toSorted()).toEqual(uids.toSorted());
  expect(measured.stops.length % replicas).toBe(0);
});

test('a new image and new resources come in one update', async () => {
  const { application, uids } = await under(
    'new image and resources, in place',
    { name: 'image-and-resources' },
    async ({ application, round }) => {
      await application.update({ tag: tagOf(round), memory: round % 2 === 0 ? '80Mi' : '64Mi' });
      await application.serves();
      expect(await application.versions()).toEqual(all(tagOf(round)));
    },
  );
  expect(uidsOf(application).toSorted()).toEqual(uids.toSorted());
});

test('a container that is resized is not stopped', async () => {
  const { measured } = await under('new resources, in place', { name: 'resize' }, async ({ application, round }) => {
    const memory = round % 2 === 0 ? '80Mi' : '64Mi';
    await application.update({ tag: 'v1', memory });
    await application.serves();
    const limits = application.pods().map(({ status }) => status?.containerStatuses?.[0]?.resources?.limits?.memory);
    expect(limits).toEqual(all(memory));
  });
  expect(measured.stops).toEqual([]);
});

test('a new image rolls in place while each operator is restarted', async () => {
  const operators = on.cluster.processes().filter(({ httpPort, name }) => httpPort !== undefined && name !== 'nats');
  await under('new image, in place, operators restarted', { name: 'restarted' }, (context) =>
    rollImage(context, async () => {
      for (const { name } of operators) await on.cluster.restart(name);
    }),
  );
});

test('a new image rolls in place behind a slow kube-proxy', async () => {
  const minSyncPeriodMs = 4_000;
  const annotations = { 'resource-consist.kusionstack.io/traffic-off-hold': `${minSyncPeriodMs / 1000 + 0.5}s` };
  await restartProxy(on.cluster, minSyncPeriodMs);
  try {
    await under('new image, in place, proxy syncs every 4 s', { name: 'slow-proxy', annotations }, rollImage);
  } finally {
    await restartProxy(on.cluster, defaultMinSyncPeriodMs);
  }
});

test('a change that no running container can be given recreates the Pods', async () => {
  const { application, uids } = await under('recreate', { name: 'recreate' }, async ({ application, round }) => {
    await application.update({ tag: 'v1', setting: `of round ${round}` });
    await application.serves();
  });
  expect(new Set(uidsOf(application)).isDisjointFrom(new Set(uids))).toBe(true);
});

test('a new image comes by replacing the Pods', async () => {
  const options = { name: 'replace-update', upgradePolicy: 'Replace' } as const;
  const { application, uids } = await under('replace by update', options, rollImage);
  expect(new Set(uidsOf(application)).isDisjointFrom(new Set(uids))).toBe(true);
});

test('Pods are replaced one by one when asked to', async () => {
  await under('replace by label', { name: 'replace' }, async ({ application }) => {
    for (const name of namesOf(application)) {
      await application.kubectl(['label', 'pod', name, `${TO_REPLACE_LABEL}=true`]);
      await application.gone(name);
      await application.serves();
    }
  });
});

test('the set is scaled out and in', async () => {
  await under('scale from 4 to 6 to 4', { name: 'scale' }, async ({ application }) => {
    for (const count of [replicas + 2, replicas]) {
      await application.scale(count);
      await application.serves();
      expect(application.pods()).toHaveLength(count);
    }
  });
});

test('Pods are deleted one by one', async () => {
  await under('kubectl delete pod', { name: 'delete' }, async ({ application }) => {
    for (const name of namesOf(application)) {
      await application.kubectl(['delete', 'pod', name]);
      await application.serves();
    }
  });
});

test('Pods are evicted one by one', async () => {
  await under('eviction', { name: 'evict' }, async ({ application }) => {
    for (const name of namesOf(application)) {
      await application.evict(name);
      await application.serves();
    }
  });
});
