import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Cluster, CommandError, ensureBinaries, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CollaSet } from './collaset.ts';
import type { KubeObject } from './core.ts';
import { crds } from './crd.ts';
import { type ManifestObject, manifests } from './testdata/manifests.ts';
import { validate } from './validate.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none', nats: false, nodes: 1 });
});

afterAll(async () => {
  await cluster?.down();
});

async function write<T extends KubeObject>(verb: 'create' | 'replace', object: T): Promise<T> {
  return JSON.parse(await cluster.kubectl([verb, '--filename=-', '--output=json'], JSON.stringify(object))) as T;
}

async function remove({ kind, metadata }: KubeObject): Promise<void> {
  await cluster.kubectl(['delete', kind ?? '', metadata.name ?? '', '--ignore-not-found']);
}

/** Writes each object over the one before it, all under one name. @returns the last as stored */
async function writeAll([first, ...changes]: readonly ManifestObject[]): Promise<ManifestObject> {
  if (!first) throw new Error('an empty manifest');
  let stored = await write('create', first);
  for (const change of changes) {
    const { resourceVersion = '' } = stored.metadata;
    stored = await write('replace', { ...change, metadata: { ...change.metadata, resourceVersion } });
  }
  return stored;
}

const answerTo = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'taken',
    (error: unknown) => {
      if (error instanceof CommandError) return error.stderr;
      throw error;
    },
  );

const labels = { app: 'web' };
const aSet = (name: string, spec: object = {}): CollaSet => ({
  apiVersion: 'apps.kusionstack.io/v1alpha1',
  kind: 'CollaSet',
  metadata: { name },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx:1.25' }] } },
    ...spec,
  },
});

describe('the definitions', () => {
  test.each(crds())('are accepted and established: $spec.names.kind', async ({ metadata }) => {
    type Status = { status: { conditions: { type: string; status: string }[] } };
    const args = ['get', 'customresourcedefinition', metadata.name ?? '', '--output=json'];
    const { status } = JSON.parse(await cluster.kubectl(args)) as Status;
    const conditions = status.conditions.map(({ type, status: is }) => `${type}=${is}`);
    expect(conditions.toSorted()).toEqual(['Established=True', 'NamesAccepted=True']);
  });

  test('stay, with every object, when the chart is uninstalled', async () => {
    await write('create', aSet('stays'));
    const helm = (await ensureBinaries()).path('helm');
    const env = { ...process.env, ...cluster.env, HELM_DRIVER: 'secret' };
    await promisify(execFile)(helm, ['uninstall', 'crds', '--namespace=kuperator-system'], { env });
    expect(await cluster.kubectl(['get', 'collasets', '--output=name'])).toBe('collaset.apps.kusionstack.io/stays\n');
    await remove(aSet('stays'));
  });
});

describe('the API server', () => {
  test.each(manifests('bad'))('refuses $name', async ({ objects, server }) => {
    const last = objects.at(-1);
    if (!last) throw new Error('an empty manifest');
    expect(await answerTo(writeAll(objects))).toContain(server);
    await remove(last);
  });

  test.each(manifests('legal'))('takes $name, and keeps all of it', async ({ objects }) => {
    const stored = await writeAll(objects);
    expect(stored).toMatchObject(withoutNulls(objects.at(-1)));
    // What it has filled in is legal as well.
    expect(validate(stored.kind, stored)).toEqual([]);
    await remove(stored);
  });

  test('fills in what the Go implementation fills in', async () => {
    const { spec } = await write('create', aSet('defaulted', { namingStrategy: {} }));
    expect(spec).toEqual({
      ...aSet('defaulted').spec,
      namingStrategy: { podNamingSuffixPolicy: 'Random' },
      updateStrategy: { podUpgradePolicy: 'InPlaceIfPossible', rollingUpdate: { byPartition: {} } },
    });
    await remove(aSet('defaulted'));
  });

  test('takes lists of Pods as long as an update of a thousand Pods needs', async () => {
    const pods = (prefix: string, length: number) => Array.from({ length }, (_, index) => `${prefix}-${index}`);
    const scaleStrategy = { podToDelete: pods('a', 900), podToInclude: pods('b', 900), podToExclude: pods('c', 900) };
    await write('create', aSet('long-lists', { scaleStrategy }));
    await remove(aSet('long-lists'));
  });
});

describe('/scale', () => {
  test('sets and shows the replicas, with the selector of the Pods', async () => {
    await write('create', aSet('scaled', { replicas: 2 }));
    await cluster.kubectl(['scale', 'collaset', 'scaled', '--replicas=5']);
    const status = { replicas: 4, selector: 'app=web' };
    const patch = [
      'patch',
      'collaset',
      'scaled',
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify({ status })}`,
    ];
    await cluster.kubectl(patch);
    const scale = JSON.parse(
      await cluster.kubectl(['get', 'collaset', 'scaled', '--subresource=scale', '--output=json']),
    );
    expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 5 }, status });
    await remove(aSet('scaled'));
  });

  test('asks the rules as well', async () => {
    const set = aSet(`scaled-${'x'.repeat(53)}`, {
      replicas: 9,
      namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' },
    });
    const name = set.metadata.name ?? '';
    await write('create', set);
    await cluster.kubectl(['scale', 'collaset', name, '--replicas=99']);
    const answer = await answerTo(cluster.kubectl(['scale', 'collaset', name, '--replicas=100']));
    expect(answer).toContain('is too long for PersistentSequence');
    await remove(set);
  });
});

test.each(Object.entries(goColumns()))('kubectl get shows the columns of %s', async (kind, columns) => {
  const object = manifests('legal')
    .flatMap(({ objects }) => objects)
    .find((candidate) => candidate.kind === kind);
  if (!object) throw new Error(`no legal ${kind} to show`);
  await write('create', object);
  const [header] = (await cluster.kubectl(['get', kind.toLowerCase()])).split('\n');
  expect(header?.trim().split(/\s+/)).toEqual(['NAME', ...columns]);
  await remove(object);
});

/** kubectl shows the age where a kind has no columns. */
function goColumns(): Record<string, string[]> {
  const go = JSON.parse(readFileSync(new URL('./testdata/crd-fields.json', import.meta.url), 'utf8')) as Record<
    string,
    { printerColumns: { name: string }[] }
  >;
  const names = (columns: { name: string }[]) => (columns.length > 0 ? columns.map(({ name }) => name) : ['AGE']);
  return Object.fromEntries(Object.entries(go).map(([kind, { printerColumns }]) => [kind, names(printerColumns)]));
}

function withoutNulls(value: unknown): object {
  return JSON.parse(JSON.stringify(value, (_, field) => (field === null ? undefined : field)));
}
