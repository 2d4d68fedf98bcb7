import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { kwokConfiguration, type PodTimings } from './kwok-stages.ts';
import type { BinaryName } from './products.ts';
import type { ProcessSpec } from './protocol.ts';
import type { Ports } from './state.ts';

type ControlPlaneOptions = {
  dir: string;
  binaries: Binaries;
  ports: Ports;
  audit: boolean;
  apiServerFlags: readonly string[];
  /** If undefined, the nodes are real and KWOK is not started. */
  simulation: PodTimings | undefined;
  controllerManagerFlags: readonly string[];
};

/** Users in the API server's static token file. Each process has its own user, so that the audit log distinguishes them. */
const users = {
  admin: { user: 'kuperator-admin', group: 'system:masters' },
  'kube-controller-manager': { user: 'system:kube-controller-manager', group: 'system:authenticated' },
  'kube-scheduler': { user: 'system:kube-scheduler', group: 'system:authenticated' },
  kwok: { user: 'kwok', group: 'system:masters' },
} as const;

type User = keyof typeof users;

/** The audit log includes reads: they cost little, and a load test needs to know which client lists what. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

const unlimitedQps = ['--kube-api-qps=5000', '--kube-api-burst=10000'];
const readyTimeoutMs = 60_000;

/**
 * A control plane in its starting order: `etcd`, then `apiServer`, then `writeKubeconfigs()` for the `others`, then these in parallel.
 */
type ControlPlane = {
  etcd: ProcessSpec;
  apiServer: ProcessSpec;
  others: readonly ProcessSpec[];
  /** Returns the path of the administrator's kubeconfig. */
  writeKubeconfigs(): Promise<string>;
};

export async function planControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dir, audit, apiServerFlags, simulation, controllerManagerFlags } = options;
  const pki = join(dir, 'pki');
  await mkdir(pki, { recursive: true, mode: 0o700 });
  const tokens = await writeTokens(join(pki, 'tokens.csv'));
  const plane = await layOut(options, {
    pki,
    tokens: tokens.file,
    serviceAccountKey: await writeServiceAccountKey(pki),
  });
  const auditFlags = audit ? await writeAuditPolicy(dir) : [];
  if (simulation) await writeFile(plane.kwokConfig, kwokConfiguration(simulation));
  // Simulated nodes send heartbeats rarely, and no Pod should be evicted because a laptop was asleep.
  const heartbeatFlags = simulation ? ['--node-monitor-grace-period=10m'] : [];
  return {
    etcd: etcd(plane),
    apiServer: apiServer(plane, [...auditFlags, ...apiServerFlags]),
    others: [
      controllerManager(plane, [...heartbeatFlags, ...controllerManagerFlags]),
      scheduler(plane),
      ...(simulation ? [kwok(plane)] : []),
    ],
    async writeKubeconfigs() {
      const authority = await readFile(plane.certificate);
      for (const user of Object.keys(users) as User[]) {
        const { server } = plane;
        const content = kubeconfigFor({ server, authority, user: users[user].user, token: tokens.of[user] });
        await writeFile(plane.kubeconfig(user), content, { mode: 0o600 });
      }
      return plane.kubeconfig('admin');
    },
  };
}

type Files = { readonly pki: string; readonly tokens: string; readonly serviceAccountKey: ServiceAccountKey };

/** The files and addresses of the processes of a control plane. */
type Plane = Files & {
  readonly dir: string;
  readonly binaries: Binaries;
  readonly etcdUrl: string;
  readonly etcdPeerUrl: string;
  readonly apiPort: number;
  /** URL of the API server. */
  readonly server: string;
  readonly managerPort: number;
  readonly schedulerPort: number;
  /** The API server makes its own certificate. The other processes use the same one, so they need not make their own. */
  readonly certificate: string;
  readonly key: string;
  readonly kwokConfig: string;
  readonly kubeconfig: (user: User) => string;
};

async function layOut({ dir, binaries, ports }: ControlPlaneOptions, files: Files): Promise<Plane> {
  const { pki } = files;
  const [etcdPort, etcdPeerPort, apiPort] = [await ports.take(), await ports.take(), await ports.take()];
  return {
    ...files,
    dir,
    binaries,
    etcdUrl: `http://127.0.0.1:${etcdPort}`,
    etcdPeerUrl: `http://127.0.0.1:${etcdPeerPort}`,
    apiPort,
    server: `https://127.0.0.1:${apiPort}`,
    managerPort: await ports.take(),
    schedulerPort: await ports.take(),
    certificate: join(pki, 'apiserver.crt'),
    key: join(pki, 'apiserver.key'),
    kwokConfig: join(dir, 'kwok.yaml'),
    kubeconfig: (user) => (user === 'admin' ? join(dir, 'kubeconfig') : join(pki, `${user}.kubeconfig`)),
  };
}

type Program = { readonly name: BinaryName; readonly args: readonly string[]; readonly readyUrl?: string };

function specOf({ binaries }: Plane, { name, args, readyUrl }: Program): ProcessSpec {
  const command = binaries.path(name);
  const ready = readyUrl === undefined ? {} : { readyUrl };
  return { name, command, args, env: baseEnv(process.env), ...ready, readyTimeoutMs, graceful: false };
}

function etcd(plane: Plane): ProcessSpec {
  const { dir, etcdUrl, etcdPeerUrl } = plane;
  const args = [
    '--name=etcd',
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${etcdPeerUrl}`,
    `--initial-advertise-peer-urls=${etcdPeerUrl}`,
    `--initial-cluster=etcd=${etcdPeerUrl}`,
    // The data lives only as long as the processes, so waiting for the disk would protect nothing.
    '--unsafe-no-fsync',
    '--quota-backend-bytes=8589934592',
    '--log-level=warn',
  ];
  return specOf(plane, { name: 'etcd', args, readyUrl: `${etcdUrl}/health` });
}

function apiServer(plane: Plane, flags: readonly string[]): ProcessSpec {
  const { etcdUrl, apiPort, pki, tokens, serviceAccountKey, server } = plane;
  const args = [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // An Endpoints object may not contain a loopback address, so the `kubernetes` Service has none.
    '--endpoint-reconciler-type=none',
    `--secure-port=${apiPort}`,
    `--cert-dir=${pki}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=Node,RBAC',
    '--service-cluster-ip-range=10.0.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${serviceAccountKey.publicFile}`,
    `--service-account-signing-key-file=${serviceAccountKey.privateFile}`,
    '--allow-privileged=true',
    // There is only one user, so fairness is not needed, and the server must not throttle a benchmark that measures it.
    '--enable-priority-and-fairness=false',
    '--max-requests-inflight=3000',
    '--max-mutating-requests-inflight=1500',
    '--profiling=false',
    ...flags,
  ];
  return specOf(plane, { name: 'kube-apiserver', args, readyUrl: `${server}/readyz` });
}

function clientFlags({ kubeconfig, certificate, key }: Plane, user: User): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig(user)}`,
    `--authentication-kubeconfig=${kubeconfig(user)}`,
    `--authorization-kubeconfig=${kubeconfig(user)}`,
    '--bind-address=127.0.0.1',
    `--tls-cert-file=${certificate}`,
    `--tls-private-key-file=${key}`,
    '--leader-elect=false',
    '--profiling=false',
    ...unlimitedQps,
  ];
}

function controllerManager(plane: Plane, flags: readonly string[]): ProcessSpec {
  const args = [
    ...clientFlags(plane, 'kube-controller-manager'),
    `--secure-port=${plane.managerPort}`,
    `--service-account-private-key-file=${plane.serviceAccountKey.privateFile}`,
    `--root-ca-file=${plane.certificate}`,
    '--use-service-account-credentials=true',
    '--concurrent-service-endpoint-syncs=20',
    '--concurrent-gc-syncs=20',
    // The default interval of autoscalers is 15 s, which would be most of the time of a test with an autoscaler.
    '--horizontal-pod-autoscaler-sync-period=1s',
    ...flags,
  ];
  return specOf(plane, {
    name: 'kube-controller-manager',
    args,
    readyUrl: `https://127.0.0.1:${plane.managerPort}/healthz`,
  });
}

function scheduler(plane: Plane): ProcessSpec {
  const args = [...clientFlags(plane, 'kube-scheduler'), `--secure-port=${plane.schedulerPort}`];
  return specOf(plane, {
    name: 'kube-scheduler',
    args,
    readyUrl: `https://127.0.0.1:${plane.schedulerPort}/healthz`,
  });
}

function kwok(plane: Plane): ProcessSpec {
  const args = [
    `--kubeconfig=${plane.kubeconfig('kwok')}`,
    `--config=${plane.kwokConfig}`,
    '--manage-all-nodes=true',
    '--cidr=10.64.0.0/10',
    '--node-ip=127.0.0.1',
    '--node-lease-duration-seconds=0',
  ];
  // Without its server, whose start races with its controllers and can end the process. So nothing answers when it is ready: ready nodes show that.
  return specOf(plane, { name: 'kwok', args });
}

/** NATS with JetStream, its storage in the cluster's folder. */
export async function planNats(
  dir: string,
  binaries: Binaries,
  ports: Ports,
): Promise<{ spec: ProcessSpec; url: string }> {
  const [port, monitorPort] = [await ports.take(), await ports.take()];
  const args = [
    '--addr=127.0.0.1',
    `--port=${port}`,
    '--jetstream',
    `--store_dir=${join(dir, 'nats')}`,
    `--http_port=${monitorPort}`,
  ];
  return {
    url: `nats://127.0.0.1:${port}`,
    spec: {
      name: 'nats',
      command: binaries.path('nats-server'),
      args,
      env: baseEnv(process.env),
      readyUrl: `http://127.0.0.1:${monitorPort}/healthz`,
      readyTimeoutMs,
      httpPort: monitorPort,
      graceful: false,
    },
  };
}

/** The variables that every process inherits from our environment: enough to run, and none that changes its behaviour. */
export function baseEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

async function writeTokens(file: string): Promise<{ file: string; of: Record<User, string> }> {
  const token = () => randomBytes(24).toString('base64url');
  const of: Record<User, string> = {
    admin: token(),
    'kube-controller-manager': token(),
    'kube-scheduler': token(),
    kwok: token(),
  };
  const lines = (Object.keys(users) as User[]).map(
    (name) => `${of[name]},${users[name].user},${name},"${users[name].group}"`,
  );
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { file, of };
}

type ServiceAccountKey = { readonly privateFile: string; readonly publicFile: string };

async function writeServiceAccountKey(pki: string): Promise<ServiceAccountKey> {
  const [privateFile, publicFile] = [join(pki, 'service-accounts.key'), join(pki, 'service-accounts.pub')];
  if (!existsSync(privateFile)) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(privateFile, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
    await writeFile(publicFile, publicKey.export({ type: 'spki', format: 'pem' }));
  }
  return { privateFile, publicFile };
}

async function writeAuditPolicy(dir: string): Promise<string[]> {
  const file = join(dir, 'audit-policy.yaml');
  await writeFile(file, JSON.stringify(auditPolicy));
  return [`--audit-policy-file=${file}`, `--audit-log-path=${join(dir, 'audit.log')}`, '--audit-log-maxsize=10000'];
}
