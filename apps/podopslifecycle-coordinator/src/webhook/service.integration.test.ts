// The webhook behind its Service, as in a cluster: the API server uses the Service's name in the TLS handshake and trusts only the CA of the
// configuration. An ExternalName replaces the address of the Service, which is not routed here.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PODS } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import {
  type Component,
  createKubeClient,
  createLogger,
  createMetrics,
  type KubeClient,
  type OperatorContext,
  objectWriter,
} from '@kuperator/runtime';
import { FakeClock } from '@kuperator/testing';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { admission } from '../admission.ts';
import type { Caches } from '../caches.ts';
import type { Config } from '../config.ts';
import { SECRETS, VALIDATING_WEBHOOKS } from '../resources.ts';
import { aClientCertificate } from '../test/client-certificate.ts';
import { type Certificates, renewed } from './certificates.ts';

const NAME = 'coordinator-webhook';
const SERVER_NAME = `${NAME}.default.svc`;
const WAITS = 'is being taken out of traffic and will be deleted';
const MINUTE_MS = 60_000;

let cluster: Cluster;
let client: KubeClient;
let folder: string;
let apiServer: Awaited<ReturnType<typeof aClientCertificate>>;
let asked = 0;
let running: Component[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kuperator-webhook-'));
  apiServer = await aClientCertificate('kube-apiserver');
  const apiServerFlags = [`--admission-control-config-file=${await admissionConfiguration(apiServer)}`];
  cluster = await startCluster({ operators: 'none', definitions: false, nats: false, apiServerFlags });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'webhook' });
  await create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: NAME } });
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  await create(service);
});
afterEach(async () => {
  await Promise.all(running.map((component) => component.stop()));
  await cluster.kubectl(['delete', 'validatingwebhookconfiguration', NAME, '--ignore-not-found']);
});
afterAll(async () => {
  await client?.close();
  await cluster?.down();
  if (folder) await rm(folder, { recursive: true });
});

const create = (object: object) => cluster.kubectl(['create', '--filename=-'], JSON.stringify(object));

/** The webhook as the operator runs it, known to the API server by its Service. */
async function setup(config: Partial<Config>, ca?: string) {
  const port = await freePort();
  await create({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: NAME },
    webhooks: [
      {
        name: 'pod-deletions.podopslifecycle.kusionstack.io',
        admissionReviewVersions: ['v1'],
        clientConfig: { service: { name: NAME, namespace: 'default', port }, ...bundle(ca) },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['pods'] }],
        sideEffects: 'NoneOnDryRun',
        failurePolicy: 'Fail',
      },
    ],
  });
  const clock = new FakeClock(Date.now());
  const stopping = new AbortController();
  const context = {
    client,
    clock,
    config: {
      webhookHost: '127.0.0.1',
      webhookPort: port,
      webhookServerNames: SERVER_NAME,
      webhookConfiguration: NAME,
      webhookConfigurationKinds: 'validating',
      webhookSecret: NAME,
      webhookClientNames: '',
      podNamespace: 'default',
      webhookHoldSeconds: 0,
      webhookMaxHeld: 0,
      ...config,
    },
    health: { addCheck: () => {} },
    metrics: createMetrics('test', { processMetrics: false }),
    signal: stopping.signal,
    logger: createLogger({ app: 'test', level: 'silent' }),
  } as unknown as OperatorContext<Config>;
  const caches = {
    pods: {
      get: () => undefined,
      byIndex: () => [],
      isCurrent: () => true,
      onChange: () => () => {},
    },
    rules: { byIndex: () => [] },
  } as unknown as Caches;
  const metrics = { answered: () => {}, stepped: () => {}, observeHeld: () => {} };
  running = [
    ...admission(context, {
      caches,
      writer: objectWriter({ client, resource: PODS, cache: { observe: () => {}, observeGone: () => {} } }),
      metrics,
      operators: { isRunning: () => undefined },
    }),
  ];
  for (const component of running) component.start();
  return { clock, port, stopping };
}

/** The path in the webhook configuration, which contains the token. */
async function toldPath(): Promise<string> {
  const { webhooks = [] } = await client.get(VALIDATING_WEBHOOKS, { name: NAME });
  return webhooks[0]?.clientConfig.service?.path ?? '/';
}

/** The configuration with which the API server presents a client certificate to webhooks. */
async function admissionConfiguration({ key, certificate }: typeof apiServer): Promise<string> {
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  const user = { 'client-certificate-data': encoded(certificate), 'client-key-data': encoded(key) };
  const kubeConfigFile = join(folder, 'webhook-kubeconfig');
  await writeFile(kubeConfigFile, JSON.stringify({ apiVersion: 'v1', kind: 'Config', users: [{ name: '*', user }] }));
  const apiVersion = 'apiserver.config.k8s.io/v1';
  const configuration = { apiVersion, kind: 'WebhookAdmissionConfiguration', kubeConfigFile };
  const plugins = ['ValidatingAdmissionWebhook', 'MutatingAdmissionWebhook'].map((name) => ({ name, configuration }));
  const file = join(folder, 'admission');
  await writeFile(file, JSON.stringify({ apiVersion, kind: 'AdmissionConfiguration', plugins }));
  return file;
}

/** The answer of the API server to the deletion of a Pod in service. */
async function deletion(): Promise<string> {
  const name = `web-${asked++}`;
  await create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { 'kusionstack.io/control': 'true' } },
    spec: {
      nodeName: 'nowhere',
      readinessGates: [{ conditionType: 'pod.kusionstack.io/service-ready' }],
      containers: [{ name: 'web', image: 'web:v1' }],
    },
  });
  // Sent without kubectl, which would repeat the request.
  const raw = cluster.kubectl(['delete', '--raw', `/api/v1/namespaces/default/pods/${name}`]);
  return raw.then(() => 'deleted').catch((error: Error) => error.message);
}

/** The API server uses a new configuration and its CA a moment after they are written. */
const untilSaid = (words: string) =>
  vi.waitFor(async () => expect(await deletion()).toContain(words), { timeout: MINUTE_MS, interval: 200 });

test('a Service with a certificate that the coordinator made is called and trusted', async () => {
  await setup({});
  await untilSaid(WAITS);
});

test('a Service whose certificate is for another name is not trusted', async () => {
  await setup({ webhookServerNames: 'another.default.svc' });
  await untilSaid(`not ${SERVER_NAME}`);
});

test('mounted certificates are used, and read again when they change', async () => {
  const [first, second] = await Promise.all([issued(), issued()]);
  await mounted(first, '..1');
  const { clock } = await setup({ webhookCertDir: folder }, first.ca);
  await untilSaid(WAITS);

  await mounted(second, '..2');
  const patch = {
    webhooks: [{ name: 'pod-deletions.podopslifecycle.kusionstack.io', clientConfig: bundle(second.ca) }],
  };
  await cluster.kubectl(['patch', 'validatingwebhookconfiguration', NAME, `--patch=${JSON.stringify(patch)}`]);
  await untilSaid('unknown authority');
  await clock.advanceAsync(MINUTE_MS);
  await untilSaid(WAITS);
});

test('a key that does not fit its certificate yet does not stop the webhook', async () => {
  const [first, second] = await Promise.all([issued(), issued()]);
  await mounted(first, '..3');
  const { clock, port } = await setup({ webhookCertDir: folder }, first.ca);
  await vi.waitFor(() => answer(port, first.ca), { timeout: MINUTE_MS });
  await mounted({ ...second, key: first.key }, '..4');
  await clock.advanceAsync(MINUTE_MS);
  expect((await answer(port, first.ca)).status).toBe(200);
  expect((await answer(port, first.ca, '/pod-deletions')).status).toBe(404);
  await mounted(second, '..5');
  await clock.advanceAsync(1000);
  await vi.waitFor(() => answer(port, second.ca), { timeout: MINUTE_MS });
});

test('a connection is kept for longer than the API server keeps it, and closed by a replica that stops', async () => {
  const certificates = await issued();
  await mounted(certificates, '..6');
  const { clock, port, stopping } = await setup({ webhookCertDir: folder, webhookLingerSeconds: 1 }, certificates.ca);
  await vi.waitFor(() => answer(port, certificates.ca), { timeout: MINUTE_MS });
  const { keptSeconds, connection } = await answer(port, certificates.ca);
  expect(connection).toBe('keep-alive');
  // IdleConnTimeout of Go's transport.
  expect(keptSeconds).toBeGreaterThan(90);
  stopping.abort();
  const stopped = Promise.all(running.splice(0).map((component) => component.stop()));
  expect((await answer(port, certificates.ca)).connection).toBe('close');
  await vi.waitFor(() => expect(clock.timers).toBe(1));
  await clock.advanceAsync(1000);
  await stopped;
});

test('the API server is answered while the token is replaced, and an old token is no longer accepted', async () => {
  const { clock, port } = await setup({});
  await untilSaid(WAITS);
  const { data = {} } = await client.get(SECRETS, { namespace: 'default', name: NAME });
  const ca = Buffer.from(data['ca.crt'] ?? '', 'base64').toString();
  const first = await toldPath();
  const paths = new Set<string>();
  for (const hours of [24, 1, 1]) {
    await clock.advanceAsync(hours * 60 * MINUTE_MS);
    // The server waits for its next check: this one is over.
    await vi.waitFor(() => expect(clock.timers).toBe(1), { timeout: MINUTE_MS });
    paths.add(await toldPath());
    // With what the API server remembers of the configuration, and what that says now.
    expect(await deletion()).toContain(WAITS);
    expect((await answer(port, ca)).status).toBe(200);
  }
  expect(paths.size).toBe(2);
  expect((await answer(port, ca, first)).status).toBe(404);
}, 180_000);

test('an API server that presents a client certificate is answered, and one with another name is not', async () => {
  const webhookClientCaFile = join(folder, 'client-ca');
  await writeFile(webhookClientCaFile, apiServer.ca);
  await setup({ webhookClientCaFile, webhookClientNames: 'other,kube-apiserver' });
  await untilSaid(WAITS);
  await Promise.all(running.splice(0).map((component) => component.stop()));
  await cluster.kubectl(['delete', 'validatingwebhookconfiguration', NAME]);
  await setup({ webhookClientCaFile, webhookClientNames: 'other' });
  await untilSaid('could not find the requested resource');
});

const issued = () => renewed(undefined, [SERVER_NAME], Date.now());
const bundle = (ca?: string) => (ca ? { caBundle: Buffer.from(ca).toString('base64') } : {});

/** Files as in a Secret that the kubelet mounts: all change at once, by one symbolic link. */
async function mounted(
  { key, certificate }: Pick<Certificates, 'key' | 'certificate'>,
  version: string,
): Promise<void> {
  await mkdir(join(folder, version));
  await Promise.all([
    writeFile(join(folder, version, 'tls.key'), key),
    writeFile(join(folder, version, 'tls.crt'), certificate),
  ]);
  await symlink(version, join(folder, `${version}.link`));
  await rename(join(folder, `${version}.link`), join(folder, '..data'));
  for (const file of ['tls.key', 'tls.crt']) await symlink(join('..data', file), join(folder, file)).catch(() => {});
}

type Answer = {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly keptSeconds: number;
};

/** Rejects if the handshake fails. */
async function answer(port: number, ca: string, asked?: string): Promise<Answer> {
  const path = asked ?? (await toldPath());
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asking = request({ host: '127.0.0.1', port, path, method: 'POST', servername: SERVER_NAME, ca }, (response) => {
    const { connection, 'keep-alive': kept } = response.headers;
    response.resume().on('end', () =>
      resolve({
        status: response.statusCode,
        connection,
        keptSeconds: Number(/timeout=(\d+)/.exec(String(kept))?.[1] ?? 0),
      }),
    );
  });
  asking.on('error', reject);
  // About no Pod.
  asking.end(JSON.stringify({ kind: 'AdmissionReview', request: { uid: '1', operation: 'DELETE' } }));
  return promise;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
