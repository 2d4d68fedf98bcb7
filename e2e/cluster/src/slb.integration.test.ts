import { expect, test, vi } from 'vitest';
import { startCluster } from './start.ts';
import { useStateFolder } from './test/state-folder.ts';

useStateFolder();

const port = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 };
const serviceNamed = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { type: 'LoadBalancer', ports: [port], ...spec },
});
// Without a selector, so that no controller writes the slices.
const sliceOf = (name: string, address: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
});

type Backend = { serverIp: string; port: number };
type State = { result: { groups: Record<string, { backends: Backend[] }>; loadBalancers: object } };

test('a Service gets a load balancer with its endpoints, and takes it away with it', async () => {
  await using cluster = await startCluster({
    operators: ['aliyun-slb-adapter'],
    nats: false,
    nodes: 0,
    definitions: false,
    slb: true,
  });
  const url = cluster.env.ALIYUN_SLB_ENDPOINT;
  const readState = async () => {
    const response = await fetch(`${url}/control/readState`, { method: 'POST' });
    return ((await response.json()) as State).result;
  };
  const backends = async () => Object.values((await readState()).groups).flatMap((group) => group.backends);
  const items = [
    serviceNamed('web', {}),
    sliceOf('web', '10.1.0.1'),
    serviceNamed('fast', { loadBalancerClass: 'alibabacloud.com/nlb' }),
    sliceOf('fast', '10.1.0.2'),
  ];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await cluster.kubectl(['create', '--filename=-'], list);
  const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 100 });
  await eventually(async () => {
    const shown = (await backends()).map((each) => `${each.serverIp}:${each.port}`);
    expect(shown.toSorted()).toEqual(['10.1.0.1:8080', '10.1.0.2:8080']);
  });
  await eventually(async () => {
    const output = ['--output=jsonpath={.metadata.labels} {.status.loadBalancer.ingress[0]}'];
    expect(await cluster.kubectl(['get', 'service', 'web', ...output])).toMatch(
      /loadbalancer-id":"lb-.*"ip":"203\.0\.113/,
    );
    expect(await cluster.kubectl(['get', 'service', 'fast', ...output])).toMatch(
      /loadbalancer-id":"nlb-.*"hostname":"nlb-/,
    );
  });
  // The adapter guards a Service that asks for it.
  await cluster.kubectl(['label', 'service', 'web', 'kusionstack.io/control=true']);
  await cluster.kubectl(['patch', 'service', 'web', '--patch={"spec":{"selector":{"app":"web"}}}']);
  const adapter = '--output=jsonpath={.metadata.annotations.resource-consist\\.kusionstack\\.io/adapter}';
  await eventually(async () => {
    expect(await cluster.kubectl(['get', 'service', 'web', adapter])).toBe('aliyun-slb-adapter');
  });
  await cluster.kubectl(['delete', 'service', 'web', 'fast', '--wait=true', '--timeout=30s']);
  expect(await readState()).toMatchObject({ groups: {}, loadBalancers: {} });
});
