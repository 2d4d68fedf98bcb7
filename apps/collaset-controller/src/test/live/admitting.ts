// Updates that admission, quotas, small nodes or further changes by the user interfere with.
import {
  COLLA_SETS,
  type CollaSet,
  isTerminating,
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { isServiceAvailable } from '@kuperator/lifecycle';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { nameOf, template, uids } from './objects.ts';
import { NAMESPACES, QUOTAS } from './resources.ts';

const MIRROR = 'mirror.local/';
const imageOf = (pod: Pod) => pod.spec.containers[0]?.image ?? '';
const runs = (pod: Pod) => pod.status?.containerStatuses?.[0]?.image === imageOf(pod);

type SlowChanges = { readonly delay: string; readonly env?: { name: string; value: string }[] };

/** A template whose image change takes `delay` on the simulated nodes. */
function slow(name: string, image: string, { delay, ...container }: SlowChanges) {
  const { metadata, spec } = template(name, image, container);
  const annotations = { 'kwok.kuperator.io/image-change-delay': delay };
  return { metadata: { ...metadata, annotations }, spec };
}

export function admitting({
  client,
  kubectl,
  get,
  create,
  edit,
  list,
  labelled,
  serving,
  conditionOf,
}: LiveSets): void {
  const apply = (object: object) => kubectl(['apply', '-f', '-'], JSON.stringify(object));

  /** Installs an admission policy that prefixes every image in the namespace with a mirror registry, and waits until it works. */
  async function mirror(namespace: string): Promise<void> {
    const apiVersion = 'admissionregistration.k8s.io/v1';
    const value = `'${MIRROR}' + object.spec.containers[0].image`;
    const jsonPatch = `[JSONPatch{op: 'replace', path: '/spec/containers/0/image', value: ${value}}]`;
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['pods'] };
    await apply({
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata: { name: `mirror-${namespace}` },
      spec: {
        reinvocationPolicy: 'Never',
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          resourceRules: [rule],
        },
        matchConditions: [{ name: 'once', expression: `!object.spec.containers[0].image.startsWith('${MIRROR}')` }],
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: jsonPatch } }],
      },
    });
    await apply({
      apiVersion,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name: `mirror-${namespace}` },
      spec: { policyName: `mirror-${namespace}` },
    });
    const { spec } = template('probe', 'app:v1');
    const probe = { metadata: { namespace, name: 'probe' }, spec } as Pod;
    await eventually(async () => {
      expect(imageOf(await client().create(PODS, probe, { dryRun: true }))).toBe(`${MIRROR}app:v1`);
    });
  }

  const inNamespace = (namespace: string) => ({
    async create(name: string, spec: object) {
      const selector = { matchLabels: { app: name } };
      await client().create(COLLA_SETS, {
        metadata: { namespace, name },
        spec: { selector, ...spec },
      } as unknown as CollaSet);
    },
    edit: (name: string, spec: object) =>
      client().patch(COLLA_SETS, { namespace, name }, { type: 'merge', body: { spec } }),
    pods: async () => (await client().list(PODS, { namespace })).items.filter((pod) => !isTerminating(pod)),
    condition: async (name: string, type: string) =>
      (await client().get(COLLA_SETS, { namespace, name })).status?.conditions?.find((item) => item.type === type),
  });

  test('restarts no more Pods at once than the rule allows if admission rewrites images (T98)', async () => {
    const namespace = 'mirrored';
    const name = 'web';
    await client().create(NAMESPACES, { metadata: { name: namespace } });
    const there = inNamespace(namespace);
    const rule = {
      metadata: { namespace, name },
      spec: {
        selector: { matchLabels: { app: name } },
        rules: [{ name: 'one', availablePolicy: { maxUnavailableValue: 1 } }],
      },
    };
    await client().create(POD_TRANSITION_RULES, rule as unknown as PodTransitionRule);
    await mirror(namespace);
    await there.create(name, { replicas: 3, template: slow(name, 'app:v1', { delay: '1s' }) });
    const isServing = (image: string) => async () => {
      const pods = await there.pods();
      const changing = pods.filter((pod) => !runs(pod));
      expect(changing.length).toBeLessThanOrEqual(1);
      expect(changing.filter(isServiceAvailable)).toEqual([]);
      return pods.filter((pod) => isServiceAvailable(pod) && runs(pod) && imageOf(pod) === image).length === 3;
    };
    await eventually(async () => expect((await there.pods()).filter(isServiceAvailable)).toHaveLength(3));
    const before = uids(await there.pods()).toSorted();
    await there.edit(name, { template: slow(name, 'app:v2', { delay: '1s' }) });
    await expect.poll(isServing(`${MIRROR}app:v2`), { timeout: 60_000, interval: 50 }).toBe(true);
    expect(uids(await there.pods()).toSorted()).toEqual(before);
  }, 90_000);

  test('recreates a Pod within the operation of its change in place (T101)', async () => {
    const name = 'second-thought';
    await create(name, { replicas: 1, template: slow(name, 'app:v1', { delay: '60s' }) });
    const [first] = await serving(name, 1);
    await edit(name, { template: slow(name, 'app:v2', { delay: '60s' }) });
    await eventually(async () => expect(imageOf(await get(PODS, nameOf(first)))).toBe('app:v2'));
    await edit(name, { template: slow(name, 'app:v2', { delay: '60s', env: [{ name: 'A', value: 'b' }] }) });
    await expect
      .poll(
        async () => {
          const pods = await list(PODS, `app=${name}`);
          const old = pods.find(({ metadata }) => metadata.uid === first?.metadata.uid);
          // The coordinator sets this label when somebody else deletes a Pod.
          expect(old?.metadata.labels ?? {}).not.toHaveProperty([TO_DELETE_LABEL]);
          return old === undefined;
        },
        { timeout: 30_000, interval: 50 },
      )
      .toBe(true);
    await serving(name, 1);
  });

  test('keeps Pods in service while a resize exceeds the quota, and continues when it has room (T102)', async () => {
    const namespace = 'crowded';
    const name = 'web';
    await client().create(NAMESPACES, { metadata: { name: namespace } });
    const there = inNamespace(namespace);
    const sized = (cpu: string) => template(name, 'app:v1', { resources: { requests: { cpu } } });
    const quota = (cpu: string) => ({ spec: { hard: { 'requests.cpu': cpu } } });
    await client().create(QUOTAS, { metadata: { namespace, name: 'cpu' }, ...quota('700m') } as never);
    await there.create(name, { replicas: 2, template: sized('300m') });
    await eventually(async () => expect((await there.pods()).filter(isServiceAvailable)).toHaveLength(2));
    const before = uids(await there.pods()).toSorted();
    const cpus = (pods: readonly Pod[]) =>
      pods.map(({ spec }) => spec.containers[0]?.resources?.requests?.cpu).toSorted();
    await there.edit(name, { template: sized('400m') });
    await eventually(async () => {
      const condition = await there.condition(name, 'Update');
      expect([condition?.status, condition?.message]).toEqual([
        'False',
        expect.stringContaining('exceeded quota: cpu'),
      ]);
      const pods = await there.pods();
      expect(cpus(pods)).toEqual(['300m', '400m']);
      expect(pods.filter(isServiceAvailable)).toHaveLength(2);
    });
    await client().patch(QUOTAS, { namespace, name: 'cpu' }, { type: 'merge', body: quota('2') });
    await eventually(async () => {
      const pods = await there.pods();
      expect(cpus(pods)).toEqual(['400m', '400m']);
      expect(pods.filter(isServiceAvailable)).toHaveLength(2);
      expect((await there.condition(name, 'Update'))?.status).toBe('True');
    }, 90_000);
    expect(uids(await there.pods()).toSorted()).toEqual(before);
  }, 150_000);

  test('keeps Pods in service if every node is too small for their resize (T102)', async () => {
    const name = 'giant';
    const sized = (cpu: string) => template(name, 'app:v1', { resources: { requests: { cpu } } });
    await create(name, { replicas: 2, template: sized('100m') });
    const before = uids(await serving(name, 2));
    await edit(name, { template: sized('5000') });
    await eventually(async () => {
      const condition = await conditionOf(name, 'Update');
      expect([condition?.status, condition?.message]).toEqual(['False', expect.stringContaining('asks for 5000 cpu')]);
    });
    const pods = await labelled(PODS, name);
    expect([uids(pods), pods.filter(isServiceAvailable).length]).toEqual([before, 2]);
    await edit(name, { template: sized('100m') });
    expect(uids(await serving(name, 2))).toEqual(before);
  });

  test('leaves no Pod out of service if a policy refuses the change (T102)', async () => {
    const name = 'frozen';
    const apiVersion = 'admissionregistration.k8s.io/v1';
    await create(name, { replicas: 2, updateStrategy: { podUpgradePolicy: 'InPlaceOnly' } });
    const before = uids(await serving(name, 2));
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods'] };
    await apply({
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: { objectSelector: { matchLabels: { app: name } }, resourceRules: [rule] },
        validations: [
          {
            expression: 'object.spec.containers[0].image == oldObject.spec.containers[0].image',
            message: 'images are frozen',
          },
        ],
      },
    });
    await apply({
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
    const body = { spec: { containers: [{ name: 'app', image: 'app:v9' }] } };
    const [pod] = await labelled(PODS, name);
    const { namespace = '' } = pod?.metadata ?? {};
    await eventually(async () => {
      const tried = client().patch(PODS, { namespace, name: nameOf(pod) }, { type: 'strategic', body, dryRun: true });
      await expect(tried).rejects.toThrow('images are frozen');
    });
    await edit(name, { template: template(name, 'app:v2') });
    await eventually(async () => {
      const condition = await conditionOf(name, 'Update');
      expect([condition?.status, condition?.message]).toEqual(['False', expect.stringContaining('images are frozen')]);
      const pods = await labelled(PODS, name);
      expect([uids(pods), pods.filter(isServiceAvailable).length]).toEqual([before, 2]);
    });
    await kubectl(['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', name]);
    await edit(name, { template: template(name, 'app:v3') });
    expect(uids(await serving(name, 2))).toEqual(before);
  }, 90_000);

  test('dissolves pairs whose successors find no node under another policy (T105)', async () => {
    const name = 'one-port';
    const ports = [{ containerPort: 80, hostPort: 8088 }];
    const onOneNode = (image: string) =>
      template(name, image, { ports, spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-0' } } });
    const under = (podUpgradePolicy: string) => ({ updateStrategy: { podUpgradePolicy } });
    await create(name, { replicas: 1, template: onOneNode('app:v1'), ...under('Replace') });
    const [origin] = await serving(name, 1);
    await edit(name, { template: onOneNode('app:v2') });
    await eventually(async () => expect(await labelled(PODS, name)).toHaveLength(2));
    await edit(name, under('InPlaceIfPossible'));
    const [pod] = await serving(name, 1);
    expect([pod?.metadata.uid, pod && imageOf(pod)]).toEqual([origin?.metadata.uid, 'app:v2']);
  });
}
