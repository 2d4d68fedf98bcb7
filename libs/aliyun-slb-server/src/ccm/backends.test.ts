import { expect, test } from 'vitest';
import { aBalancedService, aSlice } from '../test/kubernetes.ts';
import { type CcmBackend, differenceOf, type Node, wantedGroups } from './backends.ts';
import { isOfService } from './service.ts';

const nodes: Node[] = [
  { metadata: { name: 'node-0' }, spec: { providerID: 'cn-hangzhou.i-0' } },
  { metadata: { name: 'node-1' } },
];
const interfaces = new Map([
  ['10.0.0.1', 'eni-1'],
  ['10.0.0.3', 'eni-3'],
]);
const world = (addresses: string[]) => ({ slices: [aSlice(addresses)], nodes, interfaces, clusterId: 'c1' });
const backend = (serverIp: string, given: Partial<CcmBackend> = {}): CcmBackend => ({
  serverId: `eni-${serverIp}`,
  serverIp,
  type: 'eni',
  port: 8080,
  weight: 100,
  description: 'k8s/8080/web/default/c1',
  ...given,
});

test('wants a backend for each ready endpoint, at the target port', () => {
  expect(wantedGroups(aBalancedService(), world(['10.0.0.1', '10.0.0.2!']))).toMatchObject([
    {
      name: 'k8s/8080/web/default/c1',
      backends: [
        {
          serverId: 'eni-1',
          serverIp: '10.0.0.1',
          type: 'eni',
          port: 8080,
          weight: 100,
          description: 'k8s/8080/web/default/c1',
        },
      ],
    },
  ]);
});

test('fails for a Pod whose network interface is not known', () => {
  expect(() => wantedGroups(aBalancedService(), world(['10.0.0.2']))).toThrow(
    'no network interface has the address 10.0.0.2',
  );
});

test('leaves out an endpoint that terminates', () => {
  const slice = aSlice(['10.0.0.1']);
  const endpoints = [{ addresses: ['10.0.0.1'], conditions: { ready: true, terminating: true } }];
  const [group] = wantedGroups(aBalancedService(), { ...world([]), slices: [{ ...slice, endpoints }] });
  expect(group?.backends).toEqual([]);
});

test('reads a named target port from the slice', () => {
  const port = { name: 'http', port: 80, protocol: 'TCP', targetPort: 'web' };
  const [group] = wantedGroups(aBalancedService({ spec: { ports: [port] } }), world(['10.0.0.1']));
  expect(group).toMatchObject({ name: 'k8s/web/web/default/c1', backends: [{ port: 8080 }] });
});

const nodePorts = { annotations: { 'service.beta.kubernetes.io/backend-type': 'ecs' } };

test.each([
  { policy: 'Cluster', backends: ['i-0 30080 100', 'i-node-1 30080 100'] },
  { policy: 'Local', backends: ['i-0 30080 2'] },
])('wants nodes at the node port with traffic policy $policy', ({ policy, backends }) => {
  const service = aBalancedService({ ...nodePorts, spec: { externalTrafficPolicy: policy } });
  const [group] = wantedGroups(service, world(['10.0.0.1', '10.0.0.2!', '10.0.0.3']));
  expect(group?.name).toBe('k8s/30080/web/default/c1');
  expect(group?.backends.map(({ serverId, port, weight }) => `${serverId} ${port} ${weight}`)).toEqual(backends);
});

test('names the server group of NLB with dots and the protocol', () => {
  const service = aBalancedService({ spec: { loadBalancerClass: 'alibabacloud.com/nlb' } });
  expect(wantedGroups(service, world([]))[0]?.name).toBe('k8s.8080.TCP.web.default.c1');
});

const isOwn = (description: string) => isOfService(description, aBalancedService(), 'c1');

test.each([
  { name: 'adds what is missing', members: [], wanted: [backend('a')], add: ['a'] },
  { name: 'removes its own', members: [backend('a')], wanted: [], remove: ['a'] },
  { name: "leaves others' backends alone", members: [backend('a', { description: 'by hand' })], wanted: [] },
  {
    name: 'leaves the backends of another Service alone',
    members: [backend('a', { description: 'k8s/8080/other/default/c1' })],
    wanted: [],
  },
  { name: 'resets a weight', members: [backend('a', { weight: 0 })], wanted: [backend('a')], update: ['a'] },
  {
    name: 'leaves a weight alone where the Service says so',
    members: [backend('a', { weight: 0 })],
    wanted: [backend('a')],
    keepsWeights: true,
  },
  {
    name: 'takes over a wanted backend with another Description',
    members: [backend('a', { description: 'by hand' })],
    wanted: [backend('a')],
    keepsWeights: true,
    update: ['a'],
  },
])('$name', ({ members, wanted, keepsWeights = false, add = [], remove = [], update = [] }) => {
  const difference = differenceOf(members, wanted, { isOwn, keepsWeights });
  const ips = (backends: readonly CcmBackend[]) => backends.map(({ serverIp }) => serverIp);
  expect([ips(difference.add), ips(difference.remove), ips(difference.update)]).toEqual([add, remove, update]);
});
