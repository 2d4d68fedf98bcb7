import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Cluster, CommandError, ensureBinaries, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CollaSet } from './collaset.ts';
import type { KubeObject } from './core.ts';
import { crds } from './crd.ts';
import { validate } from './test/validate.ts';
import { type ManifestObject, manifests } from './testdata/manifests.ts';

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

/** Repeats what is refused for a moment only. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await setTimeout(100);
    }
  }
}

const patchStatus = ({ kind = '', metadata }: KubeObject, status: object) =>
  cluster.kubectl([
    'patch',
    kind,
    metadata.name ?? '',
    '--subresource=status',
    '--type=merge',
    `--patch=${JSON.stringify({ status })}`,
  ]);

async function kubectlWithErrors(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const kubectl = (await ensureBinaries()).path('kubectl');
  return promisify(execFile)(kubectl, args, { env: { ...process.env, ...cluster.env } });
}

const SCALE_OF = (name: string) => `/apis/apps.kusionstack.io/v1alpha1/namespaces/default/collasets/${name}/scale`;
const EMPTY_SELECTOR = '--patch=[{"op":"replace","path":"/spec/selector","value":{}}]';

/** The definition as one of before: of the same fields, with no say in their values. */
function withoutRules(definition: object): object {
  return JSON.parse(
    JSON.stringify(definition, (key, value) =>
      key === 'x-kubernetes-validations' || (key === 'enum' && Array.isArray(value)) ? undefined : value,
    ),
  );
}

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

  test('stay, together with every object, when the chart is uninstalled', async () => {
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

  test.each(manifests('legal'))('accepts $name, and stores all of it', async ({ objects }) => {
    const stored = await writeAll(objects);
    expect(stored).toMatchObject(withoutNulls(objects.at(-1)));
    // What it has filled in is legal as well.
    expect(validate(stored.kind, stored)).toEqual([]);
    await remove(stored);
  });

  test('sets the same defaults as the Go implementation', async () => {
    const { spec } = await write('create', aSet('defaulted', { namingStrategy: {} }));
    expect(spec).toEqual({
      ...aSet('defaulted').spec,
      // Ours: the Go implementation leaves it out, and takes that for 0.
      replicas: 1,
      namingStrategy: { podNamingSuffixPolicy: 'Random' },
      updateStrategy: { podUpgradePolicy: 'InPlaceIfPossible', rollingUpdate: { byPartition: {} } },
    });
    await remove(aSet('defaulted'));
  });

  test('accepts lists of Pods that are long enough for an update of a thousand Pods', async () => {
    const pods = (prefix: string, length: number) => Array.from({ length }, (_, index) => `${prefix}-${index}`);
    const scaleStrategy = { podToDelete: pods('a', 900), podToInclude: pods('b', 900), podToExclude: pods('c', 900) };
    await write('create', aSet('long-lists', { scaleStrategy }));
    await remove(aSet('long-lists'));
  });
});

describe('a manifest that no longer sets replicas (T103)', () => {
  const replicasOf = async (name: string) =>
    (JSON.parse(await cluster.kubectl(['get', 'collaset', name, '--output=json'])) as CollaSet).spec.replicas;
  const serverSide = ['apply', '--server-side', '--field-manager=git', '--filename=-'];
  const apply = (set: CollaSet, options = serverSide) => cluster.kubectl(options, JSON.stringify(set));
  // As an autoscaler does.
  const scale = (name: string, replicas: number) =>
    cluster.kubectl(['scale', 'collaset', name, `--replicas=${replicas}`]);

  test('applied on the server side, keeps the replicas that another writer has set', async () => {
    await apply(aSet('handed-over', { replicas: 4 }));
    await scale('handed-over', 6);
    await apply(aSet('handed-over'));
    expect(await replicasOf('handed-over')).toBe(6);
    await remove(aSet('handed-over'));
  });

  test('applied on the server side, falls back to 1 if no other writer has set them', async () => {
    await apply(aSet('alone', { replicas: 4 }));
    await apply(aSet('alone'));
    expect(await replicasOf('alone')).toBe(1);
    await remove(aSet('alone'));
  });

  test('applied on the client side, falls back to 1 unless the replicas were first removed from the last applied manifest', async () => {
    const clientSide = ['apply', '--filename=-'];
    await apply(aSet('client', { replicas: 4 }), clientSide);
    await scale('client', 6);
    await apply(aSet('client'), clientSide);
    expect(await replicasOf('client')).toBe(1);

    await apply(aSet('client', { replicas: 4 }), clientSide);
    await cluster.kubectl(['apply', 'set-last-applied', '--filename=-'], JSON.stringify(aSet('client')));
    await apply(aSet('client'), clientSide);
    expect(await replicasOf('client')).toBe(4);
    await remove(aSet('client'));
  });
});

describe('an object that was stored before a rule that it breaks', () => {
  const badSet = aSet('stored', {
    replicas: 2,
    selector: {},
    template: {
      metadata: { labels },
      spec: { restartPolicy: 'Never', activeDeadlineSeconds: 60, containers: [{ name: 'web', image: 'nginx:1.25' }] },
    },
  });
  const badRules = {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'PodTransitionRule',
    metadata: { name: 'stored' },
    spec: { selector: {}, rules: [{ name: 'nothing' }] },
  };
  const apply = (object: object) =>
    cluster.kubectl(['apply', '--server-side', '--force-conflicts', '--filename=-'], JSON.stringify(object));
  const merge = (kind: string, patch: object) =>
    cluster.kubectl(['patch', kind, 'stored', '--type=merge', `--patch=${JSON.stringify(patch)}`]);

  beforeAll(async () => {
    for (const definition of crds()) await apply(withoutRules(definition));
    // A definition takes effect a moment after its write.
    await eventually(() => write('create', badSet));
    await eventually(() => write('create', badRules));
    for (const definition of crds()) await apply(definition);
    const { metadata, ...other } = badSet;
    await eventually(async () => {
      const answer = await answerTo(write('create', { ...other, metadata: { ...metadata, name: 'refused' } }));
      if (answer === 'taken') await remove(aSet('refused'));
      if (!answer.includes('restartPolicy')) throw new Error(answer);
    });
  });

  test('accepts labels, finalizers, status and scale', async () => {
    await merge('collaset', { metadata: { labels: { a: 'b' }, finalizers: ['example.com/kept'] } });
    await merge('collaset', { metadata: { finalizers: [] } });
    await patchStatus(badSet, { replicas: 2 });
    await cluster.kubectl(['scale', 'collaset', 'stored', '--replicas=3']);
    await merge('podtransitionrule', { metadata: { labels: { a: 'b' }, finalizers: ['example.com/kept'] } });
    await merge('podtransitionrule', { metadata: { finalizers: [] } });
    await patchStatus(badRules, { selectedPods: 1 });
  });

  test('accepts other changes of its spec', async () => {
    const { template } = badSet.spec;
    const containers = [{ name: 'web', image: 'nginx:1.26' }];
    await merge('collaset', { spec: { template: { ...template, spec: { ...template.spec, containers } } } });
    await merge('podtransitionrule', {
      spec: {
        rules: [
          { name: 'nothing', disabled: true },
          { name: 'new', labelCheck: { requires: {} } },
        ],
      },
    });
  });

  test('can be corrected, and then not broken again', async () => {
    await merge('collaset', { spec: { selector: { matchLabels: labels } } });
    const answer = await answerTo(cluster.kubectl(['patch', 'collaset', 'stored', '--type=json', EMPTY_SELECTOR]));
    expect(answer).toContain('must not be empty');
  });

  test('can be deleted', async () => {
    await cluster.kubectl(['delete', 'collaset,podtransitionrule', 'stored']);
  });
});

describe('/scale', () => {
  test('sets and shows the replicas, and shows the selector of the Pods', async () => {
    const set = aSet('scaled', { replicas: 2 });
    await write('create', set);
    await cluster.kubectl(['scale', 'collaset', 'scaled', '--replicas=5']);
    const status = { replicas: 4, selector: 'app=web' };
    await patchStatus(set, status);
    const scale = JSON.parse(
      await cluster.kubectl(['get', 'collaset', 'scaled', '--subresource=scale', '--output=json']),
    );
    expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 5 }, status });
    await remove(aSet('scaled'));
  });

  test('shows one replica for a set without replicas, and scales it (T103)', async () => {
    await write('create', aSet('unset'));
    const scale = async () => JSON.parse(await cluster.kubectl(['get', '--raw', SCALE_OF('unset')])).spec;
    expect(await scale()).toEqual({ replicas: 1 });
    await cluster.kubectl(['scale', 'collaset', 'unset', '--replicas=3']);
    expect(await scale()).toEqual({ replicas: 3 });
    await remove(aSet('unset'));
  });

  test('checks the rules as well', async () => {
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

test.each(Object.entries(columns()))('kubectl get shows the columns of %s', async (kind, { narrow, wide }) => {
  const object = manifests('legal')
    .flatMap(({ objects }) => objects)
    .find((candidate) => candidate.kind === kind);
  if (!object) throw new Error(`no legal ${kind} to show`);
  await write('create', object);
  const shown = async (...options: string[]) => {
    const [header] = (await cluster.kubectl(['get', kind.toLowerCase(), ...options])).split('\n');
    return header?.trim().split(/\s+/);
  };
  expect(await shown()).toEqual(['NAME', ...narrow]);
  expect(await shown('--output=wide')).toEqual(['NAME', ...wide]);
  await remove(object);
});

test('kubectl get shows the state of a set in one line', async () => {
  const set = aSet('shown', { replicas: 3, paused: true });
  await write('create', set);
  const now = '2026-01-01T00:00:00Z';
  const conditions = [
    { type: 'Update', status: 'True', message: 'held by rule "budget"', lastTransitionTime: now },
    { type: 'Progressing', status: 'Unknown', reason: 'Paused', lastTransitionTime: now },
  ];
  await patchStatus(set, { replicas: 3, availableReplicas: 2, updatedReplicas: 1, conditions });
  const [, row] = (await cluster.kubectl(['get', 'cls', 'shown'])).split('\n');
  expect(row?.split(/\s{2,}/).slice(0, 7)).toEqual(['shown', '3', '3', '2', '1', 'Paused', 'true']);
  const wide = await cluster.kubectl(['get', 'cls', 'shown', '--output=wide']);
  expect(wide).toContain('nginx:1.25');
  expect(wide).toContain('held by rule "budget"');
  await remove(set);
});

test('kubectl get rc means only ReplicationControllers', async () => {
  const { stderr } = await kubectlWithErrors(['get', 'rc']);
  expect(stderr).not.toContain('Warning');
  expect(await cluster.kubectl(['get', 'rctx', '--output=name'])).toBe('');
});

/** kubectl shows the age where a kind has no columns. */
function columns(): Record<string, { narrow: string[]; wide: string[] }> {
  const named = crds().map(({ spec }) => {
    const all = spec.versions[0]?.additionalPrinterColumns ?? [];
    const names = (shown: typeof all) => (all.length > 0 ? shown.map(({ name }) => name) : ['AGE']);
    const narrow = names(all.filter(({ priority = 0 }) => priority === 0));
    return [spec.names.kind, { narrow, wide: names(all) }] as const;
  });
  return Object.fromEntries(named);
}

function withoutNulls(value: unknown): object {
  return JSON.parse(JSON.stringify(value, (_, field) => (field === null ? undefined : field)));
}
