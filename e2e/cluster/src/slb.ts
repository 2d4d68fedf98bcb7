import { join } from 'node:path';
import { repositoryRoot } from './charts.ts';
import { baseEnv } from './control-plane.ts';
import type { ProcessSpec } from './protocol.ts';
import type { Ports } from './state.ts';

/** The local server of the CLB, NLB and ECS calls, as programs reach it. The key opens nothing else. */
export type SlbAccess = { url: string; accessKeyId: string; accessKeySecret: string };

/** The region that programs name in their calls. */
const region = 'cn-hangzhou';
const packageFolder = join(repositoryRoot, 'libs', 'aliyun-slb-server');
const readyTimeoutMs = 60_000;

/** The process of the server. It runs without Kubernetes. */
export async function planSlbServer(dir: string, ports: Ports): Promise<{ spec: ProcessSpec; access: SlbAccess }> {
  const port = await ports.take();
  const access = { url: `http://127.0.0.1:${port}`, accessKeyId: 'test-key', accessKeySecret: 'test-secret' };
  const spec = nodeProcess({
    name: 'aliyun-slb-server',
    file: 'server-process.ts',
    port,
    readyPath: '/control/ready',
    env: { KUPERATOR_CLUSTER_DIR: dir, ...keyEnv(access) },
  });
  return { spec, access };
}

/** The process of the stand-in for Alibaba's cloud-controller-manager. */
export async function planCcm(options: {
  dir: string;
  ports: Ports;
  kubeconfig: string;
  access: SlbAccess;
}): Promise<ProcessSpec> {
  const { dir, ports, kubeconfig, access } = options;
  const env = { KUPERATOR_CLUSTER_DIR: dir, KUBECONFIG: kubeconfig, SLB_ENDPOINT: new URL(access.url).host };
  return nodeProcess({
    name: 'aliyun-ccm',
    file: 'ccm-process.ts',
    port: await ports.take(),
    readyPath: '/readyz',
    env: { ...env, ...keyEnv(access) },
  });
}

/** The environment from which the adapter, and people's programs, reach the server; empty if it does not run. */
export function slbEnv(access: SlbAccess | undefined): Record<string, string> {
  if (!access) return {};
  return {
    ALIYUN_SLB_ENDPOINT: access.url,
    ALIYUN_NLB_ENDPOINT: access.url,
    ALIYUN_ECS_ENDPOINT: access.url,
    ALIYUN_SLB_AK_KEY: access.accessKeyId,
    ALIYUN_SLB_AK_SECRET: access.accessKeySecret,
    ALIYUN_REGION: region,
    ALIYUN_MANAGED_LOAD_BALANCERS: '*/*',
  };
}

/** Values without which the chart of the adapter cannot be installed. Its process gets the real ones from the environment. */
export const SLB_CHART_VALUES: readonly string[] = [`aliyun.region=${region}`, 'aliyun.credentials.secretName=local'];

function keyEnv({ accessKeyId, accessKeySecret }: SlbAccess): Record<string, string> {
  return { ACCESS_KEY_ID: accessKeyId, ACCESS_KEY_SECRET: accessKeySecret };
}

function nodeProcess(options: {
  name: string;
  file: string;
  port: number;
  readyPath: string;
  env: Record<string, string>;
}): ProcessSpec {
  const { name, file, port, readyPath, env } = options;
  return {
    name,
    command: process.execPath,
    args: [join(packageFolder, 'src', 'process', file)],
    cwd: repositoryRoot,
    env: { ...baseEnv(process.env), ...env, HTTP_PORT: String(port) },
    readyUrl: `http://127.0.0.1:${port}${readyPath}`,
    readyTimeoutMs,
    httpPort: port,
    graceful: true,
  };
}
