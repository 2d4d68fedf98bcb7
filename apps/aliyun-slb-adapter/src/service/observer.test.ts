import { type Pod, SERVICE_READY_GATE, type Service } from '@kuperator/api';
import { type AdapterPass, lifecycleFinalizerFor, type Traffic } from '@kuperator/resourceconsist';
import { createLogger, systemClock } from '@kuperator/runtime';
import { aPod, aService, FakeClock } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { classicLoadBalancer } from '../balancer/clb.ts';
import { networkLoadBalancer } from '../balancer/nlb.ts';
import { BalancerReader } from '../balancer/reader.ts';
import { startCloud } from '../test/cloud.ts';
import { Elapsed } from './elapsed.ts';
import { slbObserver } from './observer.ts';
import { CLOUD_GROUP_PORTS, CLOUD_HEALTH_CHECK, LOAD_BALANCER_ID, PRODUCT } from './settings.ts';
import { UncheckedServers } from './unchecked-servers.ts';

const logger = createLogger({ app: 'test', level: 'silent' });

type Setup = {
  product?: 'Slb' | 'Nlb';
  annotations?: Record<string, string>;
  slices?: Traffic;
  service?: Partial<Service>;
};

async function setUp({ product = 'Slb', annotations = {}, slices = 'off', service: more = {} }: Setup = {}) {
  const { server, api, signal } = await startCloud();
  const { control } = server;
  const loadBalancerId = control.createLoadBalancer({ product });
  const unchecked = new FakeClock();
  const observer = slbObserver({
    balancers: { clb: classicLoadBalancer(api), nlb: networkLoadBalancer(api, systemClock) },
    reader: new BalancerReader({ clock: systemClock, minIntervalMs: 0, groupsMaxAgeMs: 0, stopping: signal }),
    trafficBySlices: () => () => slices,
    mayManage: () => false,
    unchecked: new UncheckedServers(unchecked),
    lag: new Elapsed(unchecked),
  });
  const group = (name: string, port = 80) => {
    const id =
      product === 'Slb' ? control.createVServerGroup({ loadBalancerId, name }) : control.createServerGroup({ name });
    control.createListener({ loadBalancerId, port, groupId: id });
    return id;
  };
  const service = aService({
    metadata: {
      name: 'web',
      namespace: 'default',
      annotations: {
        [LOAD_BALANCER_ID]: loadBalancerId,
        ...(product === 'Nlb' ? { [PRODUCT]: 'nlb' } : {}),
        ...annotations,
      },
    },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    ...more,
  });
  const warnings: string[] = [];
  const pass: AdapterPass = { logger, signal, recheckAfter: () => {}, warn: (reason) => warnings.push(reason) };
  const trafficOf = async (pod: Pod): Promise<Traffic> => (await observer.observe(service, [pod], pass))(pod);
  return { control, group, trafficOf, warnings, unchecked, loadBalancerId };
}

function pod({
  ready,
  marked = !ready,
  ip = '10.0.0.1',
  phase = 'Running',
}: {
  ready: boolean;
  marked?: boolean;
  ip?: string;
  phase?: 'Running' | 'Succeeded';
}): Pod {
  const status = ready ? 'True' : 'False';
  return aPod({
    metadata: {
      name: 'a',
      labels: { app: 'web' },
      finalizers: marked ? [lifecycleFinalizerFor('web')] : [],
    },
    status: {
      phase,
      podIP: ip,
      conditions: [
        { type: 'Ready', status },
        { type: SERVICE_READY_GATE, status },
      ],
    },
  });
}

const member = (ip = '10.0.0.1', more: object = {}) => ({ serverId: `eni-${ip}`, serverIp: ip, port: 8080, ...more });
const OURS = 'k8s/80/web/default/c1';

test.each([
  { name: 'absent', members: [], traffic: 'off' },
  { name: 'without weight', members: [member('10.0.0.1', { weight: 0 })], traffic: 'off' },
  { name: 'with weight', members: [member()], traffic: 'on' },
  { name: 'in the place of another', members: [member('10.0.0.2')], traffic: 'off' },
])('a Pod that goes out of traffic and is $name: $traffic', async ({ members, traffic }) => {
  const { control, group, trafficOf } = await setUp();
  control.addBackends(group(OURS), members);
  expect(await trafficOf(pod({ ready: false }))).toBe(traffic);
});

test('a group of another Service does not count, but one that the owner has chosen does', async () => {
  const { control, group, trafficOf } = await setUp({ annotations: { [CLOUD_GROUP_PORTS]: 'rsp-chosen:80' } });
  control.addBackends(group('k8s/80/other/default/c1'), [member()]);
  expect(await trafficOf(pod({ ready: false }))).toBe('on');
  group(OURS, 81);
  expect(await trafficOf(pod({ ready: false }))).toBe('off');
  const chosen = await setUp({ annotations: { [CLOUD_GROUP_PORTS]: 'rsp-chosen:80' } });
  chosen.control.createVServerGroup({
    loadBalancerId: chosen.loadBalancerId,
    name: 'mine',
    id: 'rsp-chosen',
    backends: [member()],
  });
  chosen.control.addBackends(chosen.group('k8s/80/other/default/c1', 82), [member('10.0.0.9')]);
  expect(await chosen.trafficOf(pod({ ready: false }))).toBe('on');
});

test('a Pod is in traffic once it serves every port, and is out only when it serves none', async () => {
  const { control, group, trafficOf } = await setUp();
  const [http, https] = [group(OURS), group('k8s/443/web/default/c1', 443)];
  control.addBackends(http, [member()]);
  expect(await trafficOf(pod({ ready: true }))).toBe('changing');
  expect(await trafficOf(pod({ ready: false }))).toBe('changing');
  control.addBackends(https, [member()]);
  expect(await trafficOf(pod({ ready: true }))).toBe('on');
  // Another cluster has a group of the same port on the same load balancer.
  group('k8s/443/web/default/c2', 444);
  expect(await trafficOf(pod({ ready: true }))).toBe('on');
});

test('a Pod that comes into traffic has to be healthy, unless nothing checks it', async () => {
  const { control, group, trafficOf, unchecked } = await setUp();
  control.addBackends(group(OURS), [member()]);
  control.setHealth({ health: 'abnormal' });
  expect(await trafficOf(pod({ ready: true }))).toBe('changing');
  control.setHealth({ health: 'unavailable' });
  expect(await trafficOf(pod({ ready: true }))).toBe('changing');
  unchecked.advance(61_000);
  expect(await trafficOf(pod({ ready: true }))).toBe('on');
  const off = await setUp({ annotations: { [CLOUD_HEALTH_CHECK]: 'off' } });
  off.control.addBackends(off.group(OURS), [member()]);
  off.control.setHealth({ health: 'unavailable' });
  expect(await off.trafficOf(pod({ ready: true }))).toBe('on');
});

test.each([
  { slices: 'on', ready: false, traffic: 'on' },
  { slices: 'off', ready: false, traffic: 'off' },
  { slices: 'on', ready: true, traffic: 'on' },
  { slices: 'off', ready: true, traffic: 'off' },
] as const)('where nodes are the servers, the slices decide: $slices', async ({ slices, ready, traffic }) => {
  const { control, group, trafficOf } = await setUp({ slices });
  control.addBackends(group(OURS), [{ serverId: 'i-1', serverIp: '', port: 30080, type: 'ecs' }]);
  expect(await trafficOf(pod({ ready }))).toBe(traffic);
});

test('a Pod that the EndpointSlices still list is not out of traffic', async () => {
  const { group, trafficOf } = await setUp({ slices: 'on' });
  group(OURS);
  expect(await trafficOf(pod({ ready: false }))).toBe('changing');
});

test('a server of an NLB that is being added or removed is changing', async () => {
  const { control, group, trafficOf } = await setUp({ product: 'Nlb' });
  const id = group('k8s.80.TCP.web.default.c1');
  control.addBackends(id, [member('10.0.0.1', { type: 'Eni', status: 'Removing' })]);
  expect(await trafficOf(pod({ ready: false }))).toBe('changing');
  control.removeBackends(id, [member()]);
  expect(await trafficOf(pod({ ready: false }))).toBe('off');
  control.addBackends(id, [member('10.0.0.1', { type: 'Eni' })]);
  expect(await trafficOf(pod({ ready: true }))).toBe('on');
});

test('a load balancer that does not follow for a minute is reported on the Service', async () => {
  const { control, group, trafficOf, warnings, unchecked } = await setUp();
  const id = group(OURS);
  control.addBackends(id, [member()]);
  await trafficOf(pod({ ready: false }));
  unchecked.advance(59_000);
  await trafficOf(pod({ ready: false }));
  expect(warnings).toEqual([]);
  unchecked.advance(1000);
  await trafficOf(pod({ ready: false }));
  expect(warnings).toEqual(['LoadBalancerLags']);
  control.removeBackends(id, [member()]);
  await trafficOf(pod({ ready: false }));
  await trafficOf(pod({ ready: true }));
  expect(warnings).toHaveLength(1);
});

test('a Pod that has ended is out of traffic, though another has its address', async () => {
  const { control, group, trafficOf } = await setUp();
  control.addBackends(group(OURS), [member()]);
  expect(await trafficOf(pod({ ready: false, phase: 'Succeeded' }))).toBe('off');
});

test('of Pods that wait for nothing the cloud is not asked', async () => {
  const { control, trafficOf } = await setUp();
  expect(await trafficOf(pod({ ready: true, marked: true }))).toBe('changing');
  expect(await trafficOf(pod({ ready: false, marked: false }))).toBe('changing');
  expect(control.calls()).toEqual([]);
});

test('without the id of a load balancer, a Pod is out of traffic only if the Service has no address', async () => {
  const none = await setUp({ annotations: { [LOAD_BALANCER_ID]: '' } });
  expect(await none.trafficOf(pod({ ready: false }))).toBe('off');
  const lost = await setUp({
    annotations: { [LOAD_BALANCER_ID]: '' },
    service: { status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } },
  });
  expect(await lost.trafficOf(pod({ ready: false }))).toBe('changing');
  expect(lost.warnings).toEqual(['NoLoadBalancerId']);
});

test('a load balancer that does not exist is no proof, except while its Service is deleted', async () => {
  const { control, loadBalancerId, trafficOf } = await setUp();
  control.deleteLoadBalancer(loadBalancerId);
  await expect(trafficOf(pod({ ready: false }))).rejects.toMatchObject({ kind: 'gone' });
});

test('ten Services that ask at once share the reads of their load balancer', async () => {
  const { control, group, trafficOf } = await setUp();
  control.addBackends(group(OURS), [member()]);
  await Promise.all(Array.from({ length: 10 }, () => trafficOf(pod({ ready: false }))));
  // One read may have started before the others asked.
  expect(control.calls({ action: 'DescribeVServerGroupAttribute' }).length).toBeLessThanOrEqual(2);
  expect(control.calls({ action: 'DescribeVServerGroups' }).length).toBeLessThanOrEqual(2);
});
