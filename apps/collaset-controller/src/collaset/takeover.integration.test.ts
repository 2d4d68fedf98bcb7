// How the API server completes templates, with the permissions of the operator's chart.
import { COLLA_SETS, CONTROLLER_REVISIONS, POD_TEMPLATES, PODS, type PodTemplateSpec } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { eventually } from '../test/eventually.ts';
import { liveSets } from '../test/live/live-sets.ts';
import { claims, nameOf, template, uids } from '../test/live/objects.ts';
import { richTemplate } from '../test/templates.ts';
import { completionOf } from './act/completion.ts';
import { withoutDefaults } from './revision/meaning.ts';
import { revisionBytes, revisionDataOf, revisionOf } from './revision/revision-data.ts';

let cluster: Cluster;
let client: KubeClient;

beforeAll(async () => {
  cluster = await startCluster({
    operators: ['collaset-controller', 'podopslifecycle-coordinator', 'podtransitionrule-engine'],
  });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
});

afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

const NAMESPACE = 'takeover';
const { create, edit, get, kubectl, ownedBy, serving, conditionOf, list, ref } = liveSets(NAMESPACE, () => ({
  cluster,
  client,
}));

/** The template with all defaults that the API server fills in. */
async function writtenOut(given: PodTemplateSpec): Promise<PodTemplateSpec> {
  const object = { metadata: { name: 'dry-run', namespace: NAMESPACE }, template: given };
  return (await client.create(POD_TEMPLATES, object, { dryRun: true })).template;
}

/** The API server's completion of a set's template, requested as the controller does. */
function ask(spec: object) {
  const set = { ...aSet(spec), metadata: ref('asked') };
  return completionOf(client, { set, revision: revisionOf('asked', revisionDataOf(set)), known: new Map() });
}

const revisionsOf = async (name: string) => (await list(CONTROLLER_REVISIONS, `app=${name}`)).map(nameOf);

describe('defaults', () => {
  test('what we take for defaults is what the API server fills in', async () => {
    const rich = richTemplate();
    const completed = await writtenOut(rich);
    expect(completed).not.toEqual(rich);
    expect(withoutDefaults(completed, 'PodTemplateSpec')).toEqual(withoutDefaults(rich, 'PodTemplateSpec'));
  });

  test('that of Pods alone too', async () => {
    const { metadata, spec } = template('rich', 'app:v1', {
      ports: [{ containerPort: 80 }],
      resources: { limits: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1500u' }, requests: { cpu: '100m' } },
    } as object);
    const given = { ...spec, hostNetwork: true, automountServiceAccountToken: false };
    const pod = { metadata: { ...metadata, name: 'rich', namespace: NAMESPACE }, spec: given };
    const created = await client.create(PODS, pod, { dryRun: true });
    // Admission sets these fields. They are not defaults.
    const {
      serviceAccountName: _,
      tolerations: __,
      preemptionPolicy: ___,
      priority: ____,
      ...completed
    } = created.spec;
    delete completed.serviceAccount;
    expect(completed).toMatchObject({ enableServiceLinks: true });
    expect(withoutDefaults(completed, 'PodSpec')).toEqual(withoutDefaults(given, 'PodSpec'));
  });

  test('the controller may ask for them, also where claims are mounted', async () => {
    const mounting = (more: object) =>
      template('asked', 'app:v1', { volumeMounts: [{ name: 'data', mountPath: '/d' }], ...more });
    const [plain, written, other] = [{}, { terminationMessagePolicy: 'File' }, { args: ['x'] }].map((more) =>
      ask({ template: mounting(more), ...claims() }),
    );
    const { completed = '' } = (await plain) ?? {};
    expect(completed).not.toBe('');
    expect(await written).toEqual({ completed });
    expect(await other).not.toEqual({ completed });
  });
});

test('a template with written-out defaults or another spelling is no new revision and updates no Pod (T108, T110)', async () => {
  const name = 'unchanged';
  const container = {
    env: [{ name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }],
    readinessProbe: { httpGet: { port: 80 } },
    resources: { limits: { cpu: '1', memory: '1Gi' } },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  } as object;
  const given = template(name, 'app:v1', container);
  await create(name, { replicas: 2, template: given, ...claims('1Gi') });
  const before = await serving(name, 2);
  const [revision] = await revisionsOf(name);
  const placeholder = { name: 'data', emptyDir: {} };
  const out = await writtenOut({ ...given, spec: { ...given.spec, volumes: [placeholder] } } as PodTemplateSpec);
  out.spec.volumes = [];
  const [main] = out.spec.containers;
  Object.assign(main ?? {}, {
    resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: 1, memory: '1Gi' } },
  });
  await edit(name, { template: out, ...claims('1024Mi', { volumeMode: 'Filesystem' }) });
  expect(uids(await serving(name, 2))).toEqual(uids(before));
  expect(await revisionsOf(name)).toEqual([revision]);
});

test('a revision is stored with the bytes that Go writes (T111)', async () => {
  const name = 'bytes';
  const given = template(name, 'app:v1', {
    args: ['a < b && c > d', '\u2028'],
    resources: { limits: { cpu: 0.5 } },
  } as object);
  const labels = { app: name, '10': 'a', '9': 'b' };
  await create(name, { template: { ...given, metadata: { labels } } });
  await serving(name, 1);
  const [revision = ''] = await revisionsOf(name);
  const stored = await kubectl([
    'get',
    '--raw',
    `/apis/apps/v1/namespaces/${NAMESPACE}/controllerrevisions/${revision}`,
  ]);
  const bytes = revisionBytes(revisionDataOf(await get(COLLA_SETS, name)));
  expect(stored).toContain(`"data":${bytes}`);
  // When another owner adopts the revision and releases it again, the API server writes it again.
  await kubectl(['label', 'controllerrevision', revision, 'seen=true']);
  const relabelled = await kubectl([
    'get',
    '--raw',
    `/apis/apps/v1/namespaces/${NAMESPACE}/controllerrevisions/${revision}`,
  ]);
  expect(relabelled).toContain(`"data":${bytes}`);
});

describe('a field that the API server does not know', () => {
  const typo = { livenesProbe: { httpGet: { port: 80 } } } as object;
  const field = 'unknown field "spec.template.spec.containers[0].livenesProbe"';

  test('is reported on a new set, which gets no Pod until it is corrected (T113)', async () => {
    const name = 'new-with-typo';
    await create(name, { template: template(name, 'app:v1', typo) });
    await eventually(async () => {
      expect(await conditionOf(name, 'Scale')).toMatchObject({ status: 'False', reason: 'ScaleOutFailed' });
      expect((await conditionOf(name, 'Scale'))?.message).toContain(field);
    });
    const events = await kubectl(['get', 'events', `--field-selector=involvedObject.name=${name}`, '--output=json']);
    expect(events).toContain('livenesProbe');
    expect(await ownedBy(PODS, name)).toEqual([]);
    await edit(name, { template: template(name, 'app:v1') });
    await serving(name, 1);
  });

  test('is reported on a changed set, whose Pods keep running (T113)', async () => {
    const name = 'changed-to-typo';
    await create(name, { replicas: 2 });
    const before = await serving(name, 2);
    await edit(name, { template: template(name, 'app:v2', typo) });
    await eventually(async () => {
      expect(await conditionOf(name, 'Update')).toMatchObject({ status: 'False', reason: 'UpdateFailed' });
      expect((await conditionOf(name, 'Update'))?.message).toContain(field);
    });
    const [spelled] = await Promise.all([ownedBy(PODS, name)]);
    expect(uids(spelled)).toEqual(uids(before));
    await edit(name, { template: template(name, 'app:v2') });
    await serving(name, 2);
  });

  test.each([
    ['of the template', { sepc: {} }, 'spec.template.sepc'],
    ['of its metadata', { metadata: { labels: { app: 'x' }, lables: {} } }, 'spec.template.metadata.lables'],
  ])('is named %s', async (_, more, path) => {
    const { unknownFields } = await ask({ template: { ...template('x', 'app:v1'), ...more } });
    expect(unknownFields).toContain(`unknown field "${path}"`);
  });
});
