// Counts the calls that the aliyun-slb-adapter makes while Pods roll in place behind one CLB instance, and compares their rate with the limits.
import { type Control, PUBLISHED_LIMITS, type SlbServer, startSlbServer } from '@kuperator/aliyun-slb-server';
import { COLLA_SETS, POD_TRANSITION_RULES, SERVICES, type Service } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { type Contest, contend, say } from '../contend.ts';
import { isServing, runs } from '../ours.ts';
import { timed } from '../phase.ts';
import { templateFor, webBudget, webService, webSet } from '../pod-manifest.ts';
import { startCloudController } from './cloud-controller.ts';
import type { ApiUse, BalancerRoll, BalancersReport } from './report.ts';

const ADAPTER = 'aliyun-slb-adapter';
const OPERATORS = ['collaset-controller', 'podopslifecycle-coordinator', 'podtransitionrule-engine', ADAPTER];
const TIMEOUT_MS = 1_800_000;
const PREFIX = 'slb.resource-consist.kusionstack.io';
const ROLLS = [
  { mode: 'observe', services: 1 },
  { mode: 'observe', services: 10 },
  { mode: 'managed', services: 1 },
  { mode: 'managed', services: 10 },
] as const;

export async function measureBalancers({ pods }: { readonly pods: number }): Promise<BalancersReport> {
  // The quotas on backends are not measured, and ten Services of 200 Pods exceed them.
  const settings = { configuringMs: 500, healthDelayMs: 2000, backendsPerInstance: 100_000, backendsPerServer: 1000 };
  await using server = await startSlbServer({ settings });
  await using cluster = await startCluster({
    operators: OPERATORS,
    operatorEnv: (app) => (app === ADAPTER ? cloudOf(server) : {}),
    onProgress: (line) => say(`  ${line}`),
  });
  const rolls: BalancerRoll[] = [];
  for (const { mode, services } of ROLLS) {
    say(`${mode}, ${services} Services`);
    rolls.push(await measure(cluster, server.control, { mode, services, pods }));
  }
  return { node: process.version, rolls };
}

function cloudOf({ url, account }: SlbServer): Record<string, string> {
  return {
    ALIYUN_REGION: 'cn-hangzhou',
    ALIYUN_SLB_ENDPOINT: url,
    ALIYUN_NLB_ENDPOINT: url,
    ALIYUN_ECS_ENDPOINT: url,
    ALIYUN_SLB_AK_KEY: account.accessKeyId,
    ALIYUN_SLB_AK_SECRET: account.accessKeySecret,
    ALIYUN_MANAGED_LOAD_BALANCERS: '*/*',
  };
}

type Roll = Pick<BalancerRoll, 'mode' | 'services' | 'pods'>;

async function measure(cluster: Cluster, control: Control, roll: Roll): Promise<BalancerRoll> {
  const { mode, services, pods } = roll;
  return contend(cluster, `${mode}-${services}`, async (contest) => {
    const { client, watch, arena } = contest;
    const groups = await createServices(contest, control, roll);
    const controller = mode === 'observe' ? await startCloudController(client, control, groups) : undefined;
    try {
      await client.create(POD_TRANSITION_RULES, webBudget(arena, '20%'));
      await client.create(COLLA_SETS, webSet(arena, pods, 'web:v1'));
      await watch.until('all Pods to serve', { pods, each: isServing }, TIMEOUT_MS);
      control.forgetCalls();
      const { seconds } = await timed(pods, async () => {
        const spec = { template: templateFor('web:v2') };
        await client.patch(COLLA_SETS, { ...arena, name: 'web' }, { type: 'merge', body: { spec } });
        const each = (pod: Parameters<typeof isServing>[0]) => isServing(pod) && runs(pod, 'web:v2');
        await watch.until('all Pods to be updated', { pods, each }, TIMEOUT_MS);
      });
      const apis = usesOf(control);
      say(`  ${seconds.toFixed(0)} s, ${apis.reduce((sum, { calls }) => sum + calls, 0)} calls`);
      return { ...roll, seconds, apis };
    } finally {
      await controller?.stop();
      await cluster.kubectl(['delete', 'collaset,service', '--all', `--namespace=${arena.namespace}`, '--wait=true']);
    }
  });
}

/** Services of the same Pods on one instance, each with a group and a listener. @returns their groups by Service */
async function createServices(
  { client, arena }: Contest,
  control: Control,
  { mode, services }: Roll,
): Promise<ReadonlyMap<string, string>> {
  const loadBalancerId = control.createLoadBalancer();
  const groups = new Map<string, string>();
  for (let at = 0; at < services; at++) {
    const name = `web-${arena.namespace}-${at}`;
    const groupId = control.createVServerGroup({ loadBalancerId, name: `k8s/80/${name}/${arena.namespace}/bench` });
    control.createListener({ loadBalancerId, port: 8000 + at, groupId });
    groups.set(name, groupId);
    const annotations: Record<string, string> = {
      [`${PREFIX}/mode`]: mode,
      [`${PREFIX}/load-balancer-id`]: loadBalancerId,
      ...(mode === 'managed' ? { [`${PREFIX}/server-groups`]: `80:${groupId}`, [`${PREFIX}/drain-time`]: '5s' } : {}),
    };
    const service: Service = webService(arena);
    await client.create(SERVICES, { ...service, metadata: { ...service.metadata, name, annotations } });
  }
  return groups;
}

function usesOf(control: Control): readonly ApiUse[] {
  return [...control.countCalls()].toSorted().map(([api, calls]) => {
    const [product, action] = api.split('.') as ['Slb' | 'Nlb' | 'Ecs', string];
    const describe = action.startsWith('Describe') ? PUBLISHED_LIMITS.get(`${product}.Describe*`) : undefined;
    const limit = PUBLISHED_LIMITS.get(api) ?? describe;
    const refused = control.calls({ product, action, code: 'Throttling.User' }).length;
    return { api, calls, refused, peak: control.highestRate({ product, action }, limit?.windowMs ?? 60_000), limit };
  });
}
