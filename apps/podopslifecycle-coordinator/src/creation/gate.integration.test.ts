import { type Cluster, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { GATE_CASES, type GateCase } from '../test/gate-cases.ts';

const COORDINATOR = 'podopslifecycle-coordinator';
const CONTROLLED = { 'kusionstack.io/control': 'true' };
const OURS = { conditionType: 'pod.kusionstack.io/service-ready' };
let cluster: Cluster;

type NewPod = Pick<GateCase, 'labels' | 'given'>;

/** The Pod as the API server would store it. */
async function created({ labels = {}, given }: NewPod) {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', labels },
    spec: { containers: [{ name: 'main', image: 'web:1' }], ...(given ? { readinessGates: given } : {}) },
  };
  const args = ['create', '--dry-run=server', '--filename=-', '--output=json'];
  return JSON.parse(await cluster.kubectl(args, JSON.stringify(object)));
}

/** The API server uses new policies, webhooks and CAs a moment after they are written. */
async function gatesAreGiven(): Promise<void> {
  const isGiven = async () => expect((await created({ labels: CONTROLLED })).spec.readinessGates).toEqual([OURS]);
  await vi.waitFor(isGiven, { timeout: 60_000, interval: 100 });
}

function givesGates(): void {
  test.each(GATE_CASES)('$name', async ({ gates, ...pod }) => {
    expect((await created(pod)).spec.readinessGates).toEqual(gates);
  });

  test('nothing but the gates differs from a Pod that is not controlled', async () => {
    const { spec: plain } = await created({});
    const { spec } = await created({ labels: CONTROLLED });
    const withoutToken = ({ volumes, containers, ...rest }: Record<string, unknown>) => rest;
    expect(withoutToken(spec)).toEqual({ ...withoutToken(plain), readinessGates: [OURS] });
  });
}

describe('by policy, with the coordinator down', () => {
  beforeAll(async () => {
    cluster = await startCluster({ operators: [COORDINATOR], nats: false });
    await cluster.stop(COORDINATOR);
    await gatesAreGiven();
  });
  afterAll(() => cluster?.down());

  givesGates();

  test('no webhook is asked', async () => {
    expect(await cluster.kubectl(['get', 'mutatingwebhookconfigurations', '--output=name'])).toBe('');
  });
});

describe('by webhook, if the API server has no such policies', () => {
  beforeAll(async () => {
    const apiServerFlags = ['--emulated-version=1.35'];
    cluster = await startCluster({ operators: [COORDINATOR], nats: false, apiServerFlags });
    await gatesAreGiven();
  });
  afterAll(() => cluster?.down());

  givesGates();

  test('there is no policy', async () => {
    const kinds = await cluster.kubectl(['api-resources', '--api-group=admissionregistration.k8s.io', '--output=name']);
    expect(kinds).toContain('validatingadmissionpolicies');
    expect(kinds).not.toContain('mutatingadmissionpolicies');
  });

  test('the certificate is trusted again after the CA was removed from the configuration', async () => {
    await forgetCa();
    await cluster.restart(COORDINATOR);
    await gatesAreGiven();
  });

  describe('with the coordinator down', () => {
    beforeAll(() => cluster.stop(COORDINATOR));
    afterAll(() => cluster.start(COORDINATOR));

    test('no controlled Pod is created', async () => {
      await expect(created({ labels: CONTROLLED })).rejects.toThrow('pod-creations.podopslifecycle.kusionstack.io');
    });

    test('the refusal shows only the path of creations', async () => {
      const message = await created({ labels: CONTROLLED }).catch((error: Error) => error.message);
      const shown = [...String(message).matchAll(/svc[^ ]*?\/([a-z-]+)[?"]|:\d+\/[0-9a-f]{64}\/([a-z-]+)[?"]/g)];
      expect(shown.map(([, byService, byUrl]) => byService ?? byUrl)).toEqual(['pod-creations']);
    });

    test('a Pod that has the gate is created without the webhook', async () => {
      expect((await created({ labels: CONTROLLED, given: [OURS] })).spec.readinessGates).toEqual([OURS]);
    });

    test('a Pod without the control label is created without the webhook (T24)', async () => {
      expect((await created({ labels: { 'kusionstack.io/control': 'True' } })).spec.readinessGates).toBeUndefined();
      expect((await created({})).spec.readinessGates).toBeUndefined();
    });

    test('with the failure policy Ignore, Pods are created without the gate', async () => {
      await change([{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }]);
      const isIgnored = async () => expect((await created({ labels: CONTROLLED })).spec).toBeDefined();
      await vi.waitFor(isIgnored, { timeout: 60_000, interval: 100 });
      expect((await created({ labels: CONTROLLED })).spec.readinessGates).toBeUndefined();
    });
  });
});

async function change(patch: readonly object[]): Promise<void> {
  const configuration = ['mutatingwebhookconfiguration', `${COORDINATOR}.kuperator-system`];
  await cluster.kubectl(['patch', ...configuration, '--type=json', `--patch=${JSON.stringify(patch)}`]);
}

async function forgetCa(): Promise<void> {
  await change([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
  const isRefused = () => expect(created({ labels: CONTROLLED })).rejects.toThrow('certificate');
  await vi.waitFor(isRefused, { timeout: 60_000, interval: 100 });
}
