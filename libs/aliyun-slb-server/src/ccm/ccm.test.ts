import { ENDPOINT_SLICES, SERVICES } from '@kuperator/api';
import { createLogger, createMetrics } from '@kuperator/runtime';
import { InMemoryCluster } from '@kuperator/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startSlbServer } from '../server.ts';
import { aBalancedService, aSlice } from '../test/kubernetes.ts';
import { vendorClient } from '../vendor-client.ts';
import type { SlbSettings } from '../world/settings.ts';
import { startCcm } from './ccm.ts';

const LABEL = 'service.k8s.alibaba/loadbalancer-id';
const NLB = { loadBalancerClass: 'alibabacloud.com/nlb' };

async function startWithCcm(settings: Partial<SlbSettings> = {}) {
  // CCM sends 40 backends in one call, more than the documented limit.
  const server = await startSlbServer({ settings: { clbBatchLimit: 40, ...settings } });
  onTestFinished(() => server.stop());
  const cluster = new InMemoryCluster();
  const ccm = await startCcm({
    client: cluster.client,
    call: vendorClient(server),
    logger: createLogger({ app: 'ccm', level: 'fatal' }),
    metrics: createMetrics('ccm', { processMetrics: false }),
    clusterId: 'c1',
  });
  onTestFinished(() => ccm.stop());
  const service = () => cluster.get(SERVICES, 'default/web');
  const members = () =>
    [...server.control.readState().groups.values()].flatMap((group) =>
      group.backends.map(({ serverIp, port, weight, status }) => `${serverIp} ${port} ${weight} ${status}`),
    );
  const setEndpoints = (addresses: string[]) =>
    cluster.change(ENDPOINT_SLICES, 'default/web-1', (slice) => ({ ...slice, endpoints: aSlice(addresses).endpoints }));
  return { server, cluster, ccm, service, members, setEndpoints };
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

test.each([
  {
    product: 'CLB',
    spec: {},
    group: 'k8s/8080/web/default/c1',
    finalizer: 'service.k8s.alibaba/resources',
    prefix: 'lb-',
  },
  {
    product: 'NLB',
    spec: NLB,
    group: 'k8s.8080.TCP.web.default.c1',
    finalizer: 'service.k8s.alibaba/nlb',
    prefix: 'nlb-',
  },
])('builds a $product instance, follows the endpoints, and removes it with the Service', async (given) => {
  const { server, cluster, service, members, setEndpoints } = await startWithCcm();
  cluster.add(SERVICES, aBalancedService({ spec: given.spec }));
  cluster.add(ENDPOINT_SLICES, aSlice(['10.0.0.1', '10.0.0.2!']));
  await eventually(() => expect(service()?.status?.loadBalancer).toMatchObject({ ingress: [{}] }));
  expect(service()?.metadata.finalizers).toEqual([given.finalizer]);
  const { loadBalancers, listeners, groups } = server.control.readState();
  const [balancer] = [...loadBalancers.values()];
  expect(balancer?.id).toMatch(given.prefix);
  expect(service()?.metadata.labels?.[LABEL]).toBe(balancer?.id);
  expect([...listeners.values()]).toMatchObject([{ port: 80, isRunning: true }]);
  expect([...groups.values()]).toMatchObject([{ name: given.group }]);
  await eventually(() => expect(members()).toEqual(['10.0.0.1 8080 100 Available']));

  setEndpoints(['10.0.0.1!', '10.0.0.2']);
  await eventually(() => expect(members()).toEqual(['10.0.0.2 8080 100 Available']));

  await cluster.client.delete(SERVICES, { namespace: 'default', name: 'web' });
  await eventually(() => expect(service()).toBeUndefined());
  const left = server.control.readState();
  expect([left.loadBalancers.size, left.listeners.size, left.groups.size]).toEqual([0, 0, 0]);
});

test.each([
  { annotation: 'off', weight: 100 },
  { annotation: 'on', weight: 0 },
])('leaves a weight of 0 at $weight with ignore-weight-update: $annotation', async ({ annotation, weight }) => {
  const { server, cluster, members, setEndpoints } = await startWithCcm();
  const name = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-ignore-weight-update';
  cluster.add(ENDPOINT_SLICES, aSlice(['10.0.0.1']));
  cluster.add(SERVICES, aBalancedService({ annotations: { [name]: annotation } }));
  await eventually(() => expect(members()).toHaveLength(1));
  const [groupId = ''] = server.control.readState().groups.keys();
  server.control.setWeight(groupId, { serverId: 'eni-10-0-0-1', serverIp: '10.0.0.1', port: 8080 }, 0);
  setEndpoints(['10.0.0.1', '10.0.0.2']);
  await eventually(() =>
    expect(members()).toEqual([`10.0.0.1 8080 ${weight} Available`, '10.0.0.2 8080 100 Available']),
  );
});

test("leaves a backend alone that is not its own, and takes the Service's own away", async () => {
  const { server, cluster, members, setEndpoints } = await startWithCcm();
  cluster.add(ENDPOINT_SLICES, aSlice(['10.0.0.1']));
  cluster.add(SERVICES, aBalancedService());
  await eventually(() => expect(members()).toHaveLength(1));
  const [groupId = ''] = server.control.readState().groups.keys();
  server.control.addBackends(groupId, [{ serverId: 'eni-x', serverIp: '10.9.9.9', port: 1, description: 'by hand' }]);
  setEndpoints([]);
  await eventually(() => expect(members()).toEqual(['10.9.9.9 1 100 Available']));
});

test('waits while the instance is configuring, and for jobs', async () => {
  const clb = await startWithCcm({ configuringMs: 300 });
  clb.cluster.add(ENDPOINT_SLICES, aSlice(['10.0.0.1']));
  clb.cluster.add(SERVICES, aBalancedService());
  await eventually(() => expect(clb.members()).toHaveLength(1));
  await eventually(() => expect(clb.service()?.metadata.labels?.[LABEL]).toMatch('lb-'));

  const nlb = await startWithCcm({ jobMs: 300 });
  nlb.cluster.add(ENDPOINT_SLICES, aSlice(['10.0.0.1']));
  nlb.cluster.add(SERVICES, aBalancedService({ spec: NLB }));
  await eventually(() => expect(nlb.members()).toEqual(['10.0.0.1 8080 100 Available']));
});

test('sends 40 backends in one call', async () => {
  const { server, cluster, members } = await startWithCcm();
  const addresses = Array.from({ length: 50 }, (_, i) => `10.0.1.${i}`);
  cluster.add(ENDPOINT_SLICES, aSlice(addresses));
  cluster.add(SERVICES, aBalancedService());
  await eventually(() => expect(members()).toHaveLength(50));
  expect(server.control.calls({ action: 'AddVServerGroupBackendServers' })).toHaveLength(2);
});

test('ignores Services of other types and classes', async () => {
  const { server, cluster, members } = await startWithCcm();
  cluster.add(SERVICES, aBalancedService({ name: 'inner', spec: { type: 'ClusterIP' } }));
  cluster.add(SERVICES, aBalancedService({ name: 'other', spec: { loadBalancerClass: 'example.com/other' } }));
  cluster.add(ENDPOINT_SLICES, aSlice(['10.0.0.1']));
  cluster.add(SERVICES, aBalancedService());
  await eventually(() => expect(members()).toHaveLength(1));
  expect(server.control.readState().loadBalancers.size).toBe(1);
});
