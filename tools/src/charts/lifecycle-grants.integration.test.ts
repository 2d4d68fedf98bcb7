// Tests on a real API server what the policy over grants allows users with few rights to do to a controlled Pod.
import { type Cluster, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const COORDINATOR = 'podopslifecycle-coordinator';
const DOMAIN = 'podopslifecycle.kusionstack.io';
const SET = 'collaset.kusionstack.io';
const GUARD = `prot.${DOMAIN}/slb`;
/** Has every right, so that any refusal comes from the policy. */
const as = (user: string) => [`--as=${user}`, '--as-group=system:masters'];
const operator = (name: string) => as(`system:serviceaccount:kuperator-system:${name}`);
/** May only write Pods. */
const TENANT = ['--as=tenant'];
/** May write and delete Pods. */
const OWNER = ['--as=owner'];
/** May write Pods, and is named in the values. */
const ADAPTER = ['--as=system:serviceaccount:slb:adapter'];
let cluster: Cluster;

beforeAll(async () => {
  const chartValues = {
    [COORDINATOR]: ['lifecycleLabels.grants.users={trusted,system:serviceaccount:slb:adapter}'],
  };
  cluster = await startCluster({ operators: [COORDINATOR], nats: false, chartValues });
  await cluster.stop(COORDINATOR);
  const write = ['create', 'get', 'patch', 'update'];
  await create(
    ...access('writer', ['tenant', 'owner', 'system:serviceaccount:slb:adapter'], write),
    ...access('deleter', ['owner'], ['delete']),
    pod('web'),
  );
  const isEnforced = () => expect(label(as('stranger'), `operate.${DOMAIN}/a=1`, '--dry-run=server')).rejects.toThrow();
  await vi.waitFor(isEnforced, { timeout: 120_000, interval: 100 });
});
afterAll(() => cluster?.down());

function access(name: string, users: readonly string[], verbs: readonly string[]): object[] {
  const rules = [{ apiGroups: [''], resources: ['pods', 'pods/status'], verbs }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const subjects = users.map((user) => ({ apiGroup: roleRef.apiGroup, kind: 'User', name: user }));
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    { apiVersion, kind: 'Role', metadata: { name, namespace: 'default' }, rules },
    { apiVersion, kind: 'RoleBinding', metadata: { name, namespace: 'default' }, roleRef, subjects },
  ];
}

type Meta = { labels?: Record<string, string | null>; annotations?: object; finalizers?: readonly string[] };

function pod(name: string, { labels, annotations, finalizers }: Meta = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      labels: { 'kusionstack.io/control': 'true', ...labels },
      annotations,
      finalizers,
    },
    spec: { containers: [{ name: 'web', image: 'web:1' }] },
  };
}

function create(...items: readonly object[]): Promise<string> {
  return createAs([], ...items);
}

function createAs(who: readonly string[], ...items: readonly object[]): Promise<string> {
  const list = { apiVersion: 'v1', kind: 'List', items };
  return cluster.kubectl(['create', '--validate=false', '--filename=-', ...who], JSON.stringify(list));
}

function label(who: readonly string[], ...changes: string[]): Promise<string> {
  return cluster.kubectl(['label', 'pod', 'web', '--overwrite', ...changes, ...who]);
}

function patch(who: readonly string[], name: string, metadata: Meta, ...more: string[]): Promise<string> {
  const body = JSON.stringify({ metadata });
  return cluster.kubectl(['patch', 'pod', name, '--type=merge', `--patch=${body}`, ...more, ...who]);
}

test.each([
  'coordinator',
  'controller',
])('an unknown user cannot grant an operation, and the refusal names the users who can (as %s)', async (stranger) => {
  const granting = label(as(stranger), `operate.${DOMAIN}/a=1`);
  await expect(granting).rejects.toThrow(
    `failed to validate PodOpsLifecycleWebhook, label operate.${DOMAIN}/a is set by ${stranger}: allowed are`,
  );
  await expect(granting).rejects.toThrow('system:serviceaccount:kuperator-system:podopslifecycle-coordinator');
  const passing = label(as(stranger), `pre-checked.${DOMAIN}/a=1`, `operation-permission.${DOMAIN}/Restart=1`);
  await expect(passing).rejects.toThrow('failed to validate PodOpsLifecycleWebhook');
});

test('an unknown user may begin, finish and undo an operation that an operator granted', async () => {
  await label(TENANT, `operating.${DOMAIN}/a=1`, `operation-type.${DOMAIN}/a=Restart`);
  await label(operator(COORDINATOR), `pre-checked.${DOMAIN}/a=1`, `operation-permission.${DOMAIN}/Restart=1`);
  await label(operator('endpointslice-adapter'), `operate.${DOMAIN}/a=1`);
  await label(TENANT, 'other=label');
  await label(TENANT, `operating.${DOMAIN}/a-`);
  await label(TENANT, `undo-operation-type.${DOMAIN}/a=Restart`);
  await label(TENANT, `operate.${DOMAIN}/a-`);
});

test('a user named in the values may grant', async () => {
  await label(as('trusted'), `operate.${DOMAIN}/b=1`);
  await label(as('trusted'), `operate.${DOMAIN}/b-`);
});

/** Each case changes what the Pod had before, if it had anything. */
const CHANGES: readonly { name: string; before?: Meta; change: Meta }[] = [
  { name: 'mark it to be deleted', change: { labels: { [`${SET}/to-delete`]: '1' } } },
  {
    name: 'remove such a mark',
    before: { labels: { [`${SET}/to-delete`]: '1' } },
    change: { labels: { [`${SET}/to-delete`]: null } },
  },
  { name: 'mark it to be replaced', change: { labels: { [`${SET}/to-replace`]: '1' } } },
  { name: 'mark it to be released by its CollaSet', change: { labels: { [`${SET}/to-exclude`]: '1' } } },
  { name: 'have it updated', change: { labels: { [`${SET}/update-included`]: '1' } } },
  {
    name: 'give it another revision',
    before: { labels: { 'controller-revision-hash': 'web-1' } },
    change: { labels: { 'controller-revision-hash': 'web-2' } },
  },
  { name: 'have it deleted in traffic', change: { annotations: { [`${DOMAIN}/delete-at-once`]: 'true' } } },
  { name: 'have it drained for an eviction', change: { annotations: { [`${DOMAIN}/eviction-requested`]: '1' } } },
  {
    name: 'report that a client waits for its end',
    change: { annotations: { 'gracedelete.kusionstack.io/delete-timestamp': '1' } },
  },
  {
    name: 'report that its operation ends in deletion',
    change: { labels: { [`${DOMAIN}/preparing-to-delete`]: '1' } },
  },
  { name: 'report that it serves', change: { labels: { [`${DOMAIN}/service-available`]: '1' } } },
  {
    name: 'report that it does not serve',
    before: { labels: { [`${DOMAIN}/service-available`]: '1' } },
    change: { labels: { [`${DOMAIN}/service-available`]: null } },
  },
  { name: 'keep it out of traffic', change: { labels: { [`${DOMAIN}/stay-offline`]: '' } } },
  {
    name: 'give it rules to skip',
    change: { annotations: { 'podtransitionrule.kusionstack.io/skip-rule-conditions': '{"skipRules":["a"]}' } },
  },
  {
    name: 'announce which finalizers it needs',
    change: { annotations: { 'pod.kusionstack.io/available-conditions': '{"expectedFinalizers":{}}' } },
  },
  { name: 'report that it has traffic', change: { finalizers: [GUARD] } },
  { name: 'report that its traffic is off', before: { finalizers: [GUARD] }, change: { finalizers: [] } },
  { name: 'take it out of control', change: { labels: { 'kusionstack.io/control': null } } },
  { name: 'take it out of control by another value', change: { labels: { 'kusionstack.io/control': 'false' } } },
];

describe('a user who may write Pods but not delete them cannot', () => {
  test.each(CHANGES)('$name, and other users can', async ({ name, before = {}, change }) => {
    const target = name.replaceAll(/[^a-z]+/g, '-');
    await create(pod(target, before));
    for (const more of [[], ['--subresource=status']]) {
      const changing = patch(TENANT, target, change, ...more);
      await expect(changing).rejects.toThrow(
        /is changed by tenant: allowed are users who may delete the Pod, and trusted, system/,
      );
      await patch(ADAPTER, target, change, '--dry-run=server', ...more);
      await patch(OWNER, target, change, '--dry-run=server', ...more);
    }
    await patch(operator('collaset-controller'), target, change);
    // A mark that is already there may stay in a write that changes something else.
    await patch(TENANT, target, { labels: { other: 'label' }, annotations: { other: 'annotation' } });
    await patch([], target, { finalizers: [] });
  });

  test('create Pods that rules do not apply to', async () => {
    const skipping = {
      annotations: { 'podtransitionrule.kusionstack.io/skip-rule-conditions': '{"skipRules":["a"]}' },
    };
    await expect(createAs(TENANT, pod('skips', skipping))).rejects.toThrow('skip-rule-conditions is changed by tenant');
    await createAs(OWNER, pod('skips', skipping));
    const serving = { labels: { [`${DOMAIN}/service-available`]: '1' } };
    await expect(createAs(TENANT, pod('serves', serving))).rejects.toThrow('service-available is changed by tenant');
  });
});

test('a new Pod may be kept out of traffic, and may announce finalizers that third-party admission added', async () => {
  const labels = { [`${DOMAIN}/stay-offline`]: '' };
  const annotations = { 'pod.kusionstack.io/available-conditions': '{"expectedFinalizers":{}}' };
  await createAs(TENANT, pod('born-offline', { labels, annotations }));
});

test('a right to delete one Pod counts only for that Pod', async () => {
  await create(pod('mine'), pod('other'));
  const rules = [{ apiGroups: [''], resources: ['pods'], resourceNames: ['mine'], verbs: ['delete'] }];
  const [, binding] = access('mine', ['tenant'], []);
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'mine' }, rules };
  await create(role, binding ?? {});
  const marked = { labels: { [`${SET}/to-delete`]: '1' } };
  await vi.waitFor(() => patch(TENANT, 'mine', marked), { timeout: 60_000, interval: 200 });
  await expect(patch(TENANT, 'other', marked)).rejects.toThrow('is changed by tenant');
});

test('thousands of long labels, annotations and finalizers stay within the cost limit of the check', async () => {
  const long = (index: number) => `${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}/${'n'.repeat(50)}${index}`;
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [long(index), '1']));
  const finalizers = Array.from({ length: 200 }, (_, index) => long(index));
  await create(pod('large', { labels: many(2000), annotations: many(800), finalizers }));
  await patch(TENANT, 'large', { labels: { other: 'label' } });
  const marking = patch(TENANT, 'large', { labels: { [`${SET}/to-delete`]: '1' } });
  await expect(marking).rejects.toThrow('is changed by tenant');
  await patch(operator('collaset-controller'), 'large', { labels: { [`${SET}/to-delete`]: '1' } });
  await patch([], 'large', { finalizers: [] });
});
