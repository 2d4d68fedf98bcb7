import { type Cluster, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, test } from 'vitest';

const OURS = { conditionType: 'pod.kusionstack.io/service-ready' };
const THEIRS = { conditionType: 'example.com/warm' };
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ operators: ['podopslifecycle-coordinator'], nats: false });
  await cluster.stop('podopslifecycle-coordinator');
});
afterAll(() => cluster?.down());

/** What the API server would store. */
async function created(pod: { labels?: Record<string, string>; readinessGates?: object[] }) {
  const { labels = {}, ...gates } = pod;
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', labels },
    spec: { containers: [{ name: 'main', image: 'web:1' }], ...gates },
  };
  const args = ['create', '--dry-run=server', '--filename=-', '--output=json'];
  return JSON.parse(await cluster.kubectl(args, JSON.stringify(object)));
}

const controlled = { 'kusionstack.io/control': 'true' };

test.each([
  { name: 'a controlled Pod without gates gets ours', pod: { labels: controlled }, gates: [OURS] },
  { name: 'an empty list of gates too', pod: { labels: controlled, readinessGates: [] }, gates: [OURS] },
  { name: 'other gates stay', pod: { labels: controlled, readinessGates: [THEIRS] }, gates: [THEIRS, OURS] },
  {
    name: 'ours is not added twice',
    pod: { labels: controlled, readinessGates: [OURS, THEIRS] },
    gates: [OURS, THEIRS],
  },
  { name: 'T24 a Pod without the control label is left alone', pod: {}, gates: undefined },
  { name: 'T24 only the value "true" counts', pod: { labels: { 'kusionstack.io/control': 'True' } }, gates: undefined },
])('with the coordinator down, $name', async ({ pod, gates }) => {
  expect((await created(pod)).spec.readinessGates).toEqual(gates);
});

test('nothing but the gates differs from a Pod without control', async () => {
  const { spec: plain } = await created({});
  const { spec } = await created({ labels: controlled });
  const withoutToken = ({ volumes, containers, ...rest }: Record<string, unknown>) => rest;
  expect(withoutToken(spec)).toEqual({ ...withoutToken(plain), readinessGates: [OURS] });
});
