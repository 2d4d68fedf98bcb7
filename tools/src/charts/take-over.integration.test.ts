// The commands of docs/guides/take-over-from-go.md, on a cluster with a stand-in for the Go implementation's release.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crds } from '@kuperator/api';
import { type Cluster, ensureBinaries, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, test } from 'vitest';

const script = join(import.meta.dirname, '..', '..', '..', 'deploy', 'take-over.sh');
const release = ['--release=kuperator', '--namespace=kusionstack-system'].flatMap((flag) => flag.split('='));
const scratch = mkdtempSync(join(tmpdir(), 'kuperator-take-over-'));
const goChart = join(scratch, 'go');
let cluster: Cluster;
let helmPath: string;
let kubectlPath: string;

const metadata = { name: 'kusionstack-controller-manager', namespace: 'kusionstack-system' };
const labels = { 'control-plane': 'controller-manager' };

/** Definitions as the Go types give them: open templates, no rules, no scale; deleted with the release. */
function goDefinitions(): object[] {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return crds().map(({ metadata: { name }, spec: { names, group }, ...definition }) => ({
    ...definition,
    metadata: { name, annotations: { 'controller-gen.kubebuilder.io/version': 'v0.8.0' } },
    spec: {
      group,
      names,
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } },
        },
      ],
    },
  }));
}

function webhooks(kind: 'Mutating' | 'Validating'): object {
  const webhook = (name: string, rule: object, more: object = {}) => ({
    name: `${kind.toLowerCase()}-${name}.apps.kusionstack.io`,
    admissionReviewVersions: ['v1', 'v1beta1'],
    clientConfig: { service: { ...metadata, path: `/${kind.toLowerCase()}-generic` } },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    rules: [{ operations: ['CREATE', 'UPDATE', 'DELETE'], ...rule }],
    ...more,
  });
  const controlled = { objectSelector: { matchLabels: { 'kusionstack.io/control': 'true' } } };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: `${metadata.name}-${kind.toLowerCase()}` },
    webhooks: [
      webhook('generic', { apiGroups: ['apps.kusionstack.io'], apiVersions: ['*'], resources: ['*/*'] }),
      webhook('pod', { apiGroups: ['*'], apiVersions: ['v1'], resources: ['pods', 'pods/status'] }, controlled),
    ],
  };
}

/** A chart that has its definitions among the templates, so that Helm deletes them with the release. */
function writeGoChart(): void {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'manager', image: 'manager:v0.7.1' }] } };
  const objects = {
    'crds.yaml': goDefinitions(),
    'manager.yaml': [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: 443 }] } },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: metadata.name }, rules: [] },
      // Of the release's namespace, without saying so.
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'kusionstack-webhook-certs' } },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { replicas: 1, selector: { matchLabels: labels }, template },
      },
    ],
    'webhooks.yaml': [webhooks('Mutating'), webhooks('Validating')],
  };
  mkdirSync(join(goChart, 'templates'), { recursive: true });
  writeFileSync(join(goChart, 'Chart.yaml'), 'apiVersion: v2\nname: kuperator\nversion: 0.7.1\n');
  for (const [file, list] of Object.entries(objects)) {
    const text = list.map((object) => JSON.stringify(object)).join('\n---\n');
    const guarded = file === 'webhooks.yaml' ? `{{ if .Values.webhooks }}\n${text}\n{{ end }}\n` : text;
    writeFileSync(join(goChart, 'templates', file), guarded);
  }
  writeFileSync(join(goChart, 'values.yaml'), 'webhooks: true\n');
}

/** What a user had before: a set with a Pod, its claim and its revision. */
const mine = [
  {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'CollaSet',
    metadata: { name: 'web', namespace: 'default', finalizers: ['apps.kusionstack.io/test'] },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
    },
  },
  {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'CollaSet',
    metadata: { name: 'silent', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'silent' } }, template: { metadata: { labels: { app: 'silent' } } } },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'default', labels: { app: 'web', 'kusionstack.io/control': 'true' } },
    spec: { containers: [{ name: 'a', image: 'a' }] },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'web-data-1', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { name: 'web-1', namespace: 'default' },
    revision: 1,
    data: {},
  },
];

beforeAll(async () => {
  cluster = await startCluster({ operators: 'none', nats: false, definitions: false });
  const binaries = await ensureBinaries(() => {}, ['helm', 'kubectl']);
  helmPath = binaries.path('helm');
  kubectlPath = binaries.path('kubectl');
  writeGoChart();
  installGo('--set=webhooks=false');
  await cluster.kubectl(['wait', '--for=create', 'serviceaccount/default', '--timeout=60s']);
  await cluster.kubectl(['wait', '--for=condition=Established', 'customresourcedefinitions', '--all', '--timeout=60s']);
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: mine }));
  installGo('--set=webhooks=true');
}, 600_000);
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await cluster?.down();
});

function installGo(...flags: string[]): void {
  const args = ['upgrade', '--install', 'kuperator', goChart, '--namespace=kusionstack-system', '--create-namespace'];
  const { status, output } = run(helmPath, [...args, ...flags]);
  if (status !== 0) throw new Error(output);
}

/** The API server keeps no empty `properties`. */
function asStored(spec: object = {}): object {
  return JSON.parse(JSON.stringify(spec, (key, value) => (key === 'properties' && isEmpty(value) ? undefined : value)));
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function run(program: string, args: readonly string[]): { status: number | null; output: string } {
  const env = {
    ...process.env,
    ...cluster.env,
    KUBECTL: kubectlPath,
    HELM: helmPath,
    HELM_CACHE_HOME: join(scratch, 'cache'),
    HELM_CONFIG_HOME: join(scratch, 'config'),
    HELM_DATA_HOME: join(scratch, 'data'),
  };
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const takeOver = (command: string, ...args: string[]) => run(script, [command, ...release, ...args]);

const uidsOfMine = async () => {
  const resources = 'collasets,pods,persistentvolumeclaims,controllerrevisions';
  const list = await cluster.kubectl(['get', resources, '--namespace=default', '--output=json']);
  const { items } = JSON.parse(list) as { items: { metadata: { uid: string; deletionTimestamp?: string } }[] };
  expect(items.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp)).toEqual([]);
  return items.map(({ metadata: { uid } }) => uid).toSorted();
};

const releases = () =>
  run(helmPath, ['list', '--all-namespaces', '--short']).output.split('\n').filter(Boolean).toSorted();

const definition = async () =>
  JSON.parse(
    await cluster.kubectl(['get', 'customresourcedefinition', 'collasets.apps.kusionstack.io', '--output=json']),
  );

const everything = () =>
  cluster.kubectl([
    'get',
    'all,secrets,mutatingwebhookconfigurations,validatingwebhookconfigurations',
    '--all-namespaces',
    '--output=name',
  ]);

test('there and back, no set, Pod or claim is lost, and nothing is done before it is said', {
  timeout: 600_000,
}, async () => {
  const before = await uidsOfMine();
  expect(before).toHaveLength(mine.length);
  const all = await everything();

  expect(takeOver('check')).toMatchObject({ status: 0, output: expect.stringContaining('can be taken over') });
  const said = takeOver('from-go');
  expect(said).toMatchObject({ status: 0, output: expect.stringContaining(`would scale the Deployment`) });
  expect(said.output).toContain('would delete MutatingWebhookConfiguration kusionstack-controller-manager-mutating');
  expect(await everything()).toBe(all);

  const there = takeOver('from-go', '--yes');
  expect(there).toMatchObject({ status: 0, output: expect.stringContaining('is still there') });
  expect(await uidsOfMine()).toEqual(before);
  expect(releases()).toEqual(['crds']);
  const ours = crds().find(({ spec }) => spec.names.kind === 'CollaSet')?.spec;
  expect((await definition()).spec).toMatchObject(asStored(ours));
  expect((await definition()).metadata.annotations).toMatchObject({
    'helm.sh/resource-policy': 'keep',
    'meta.helm.sh/release-name': 'crds',
  });
  expect(await everything()).not.toMatch(/kusionstack-controller-manager|kusionstack-webhook-certs/);
  // The definition fills in 1.
  const replicas = ['get', 'collasets', '--output=jsonpath={.items[*].spec.replicas}'];
  expect(await cluster.kubectl(replicas)).toBe('0 1');
  // Nobody’s webhook is in the way any more.
  await cluster.kubectl(['label', 'collaset', 'web', 'seen=true']);

  expect(takeOver('to-go', '--chart', goChart)).toMatchObject({
    status: 0,
    output: expect.stringContaining('would uninstall crds'),
  });
  expect(releases()).toEqual(['crds']);
  const back = takeOver('to-go', '--chart', goChart, '--yes', '--', '--set=webhooks=false');
  expect(back).toMatchObject({ status: 0, output: expect.stringContaining('is still there') });
  expect(await uidsOfMine()).toEqual(before);
  expect(releases()).toEqual(['kuperator']);
  expect((await definition()).spec.versions[0].subresources).toEqual({ status: {} });
  expect((await definition()).metadata.annotations).toMatchObject({ 'meta.helm.sh/release-name': 'kuperator' });
});

test('is not begun while objects have no operator here, unless that is wanted', { timeout: 600_000 }, async () => {
  const job = { apiVersion: 'apps.kusionstack.io/v1alpha1', kind: 'OperationJob', metadata: { name: 'job' }, spec: {} };
  await cluster.kubectl(['create', '--filename=-'], JSON.stringify(job));
  const all = await everything();
  const refused = takeOver('from-go', '--yes');
  expect(refused).toMatchObject({ status: 1, output: expect.stringContaining('there are 1 operationjobs') });
  expect(refused.output).toContain('nothing was changed');
  expect(await everything()).toBe(all);
  expect(takeOver('check', '--allow-unserved')).toMatchObject({ status: 0 });
});

test.each([
  [
    'a release that does not exist',
    ['--release', 'other', '--namespace', 'default'],
    'namespace default has no release other',
  ],
  ['a release without definitions', ['--release', 'some', '--namespace', 'default'], 'is it the Go implementation?'],
])('refuses %s', { timeout: 600_000 }, (_, flags, message) => {
  const chart = join(scratch, 'some');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: some\nversion: 1.0.0\n');
  writeFileSync(join(chart, 'templates', 'a.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n');
  run(helmPath, ['upgrade', '--install', 'some', chart, '--namespace=default']);
  const { status, output } = run(script, ['check', ...flags]);
  expect({ status, output }).toMatchObject({ status: 1, output: expect.stringContaining(message) });
});
