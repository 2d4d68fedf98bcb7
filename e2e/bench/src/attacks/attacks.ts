// The attacks that docs/security.md measures. Each attacker has the rights for the attack, and one machine sustains its rate.
import { once } from 'node:events';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { COLLA_SETS, CONTROL_LABEL, POD_TRANSITION_RULES, PODS } from '@kuperator/api';
import { beginOperation } from '@kuperator/lifecycle';
import { ApiError, systemClock } from '@kuperator/runtime';
import { APP_LABEL, controlledPod, templateFor } from '../pod-manifest.ts';
import { type Attack, beginOn, type Ground, makePods, makeRule, REFUSES, repeat } from './attack.ts';

const LARGE_TEXT = 'x'.repeat(200_000);

const silentApprovers: Attack = {
  name: '60 approvers never answer',
  async start(ground) {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let at = 0; at < 60; at++) {
      const webhook = { clientConfig: { url }, failurePolicy: 'Fail' };
      await makeRule(ground, { name: `rule-${at}`, rule: { webhook }, matchLabels: { at: String(at) } });
    }
    const pods = await makePods(ground, 60, (at) => ({ at: String(at) }));
    await beginOn(ground, pods);
    return {
      counts: () => ({ sent: pods.length, refused: 0 }),
      async stop() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  },
};

const editedRule: Attack = {
  name: 'a rule over 100 waiting Pods is edited 10 times a second',
  async start(ground) {
    const { tenant, namespace } = ground;
    await makeRule(ground, { name: 'edited', rule: REFUSES });
    await beginOn(ground, await makePods(ground, 100));
    return repeat(ground, 10, (round) => {
      const requires = { matchLabels: { 'bench.kuperator.io/never': String(round) } };
      const rules = [{ name: 'rule', labelCheck: { requires } }];
      return tenant.patch(
        POD_TRANSITION_RULES,
        { namespace, name: 'edited' },
        { type: 'merge', body: { spec: { rules } } },
      );
    });
  },
};

const churnedLabels: Attack = {
  name: 'lifecycle labels of 50 Pods are written 50 times a second',
  async start(ground) {
    const { tenant, namespace } = ground;
    await makePods(ground, 50);
    return repeat(ground, 50, async (round) => {
      const ref = { namespace, name: `pod-${round % 50}` };
      const labels = [
        () =>
          beginOperation(controlledPod({ namespace }, ref.name, 'web:v1'), {
            id: 'a',
            type: 'b',
            nanos: systemClock.nanos(),
          }),
        () => ({
          'operating.podopslifecycle.kusionstack.io/a': null,
          'operation-type.podopslifecycle.kusionstack.io/a': null,
        }),
        () => ({ 'operate.podopslifecycle.kusionstack.io/a': '1' }),
        () => ({ 'podopslifecycle.kusionstack.io/service-available': null }),
      ][round % 4] as () => object;
      await tenant.patch(PODS, ref, { type: 'merge', body: { metadata: { labels: labels() } } });
    });
  },
};

const heldDeletes: Attack = {
  name: '6 Deployments are scaled to 0 and back under a rule that refuses',
  async start(ground) {
    const { cluster, namespace } = ground;
    await makeRule(ground, { name: 'refuses', rule: REFUSES });
    const template = templateFor('web:v1');
    const deployment = (name: string) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas: 5,
        selector: { matchLabels: { deployment: name } },
        template: {
          ...template,
          metadata: { labels: { ...template.metadata.labels, deployment: name, [CONTROL_LABEL]: 'true' } },
        },
      },
    });
    const names = Array.from({ length: 6 }, (_, at) => `held-${at}`);
    const items = names.map(deployment);
    await cluster.kubectl(['create', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    return repeat(ground, 0.2, (round) =>
      cluster.kubectl([
        'scale',
        'deployment',
        ...names,
        `--namespace=${namespace}`,
        `--replicas=${round % 2 === 0 ? 0 : 5}`,
        '--as=tenant',
      ]),
    );
  },
};

const heldDeletesOfPeople: Attack = {
  name: 'a person deletes 100 Pods, under a rule that refuses, 10 times a second',
  async start(ground) {
    const { tenant, namespace } = ground;
    await makeRule(ground, { name: 'refuses', rule: REFUSES });
    await makePods(ground, 100);
    return repeat(ground, 10, (round) => tenant.delete(PODS, { namespace, name: `pod-${round % 100}` }));
  },
};

const hugeSets: Attack = {
  name: 'CollaSets as large as the definition allows, under a quota of 20 Pods',
  async start(ground) {
    const { cluster, tenant, namespace } = ground;
    await cluster.kubectl(['create', 'quota', 'few', '--hard=pods=20', `--namespace=${namespace}`]);
    return repeat(ground, 0.2, async (round) => {
      const name = `huge-${round}`;
      const set = (replicas: number) => ({
        apiVersion: 'apps.kusionstack.io/v1alpha1',
        kind: 'CollaSet',
        metadata: { name, namespace },
        spec: { replicas, selector: { matchLabels: { [APP_LABEL]: 'web' } }, template: templateFor('web:v1') },
      });
      const refused = (error: unknown) => {
        if (error instanceof ApiError) return tenant.create(COLLA_SETS, set(5_000));
        throw error;
      };
      await tenant.create(COLLA_SETS, set(2_147_483_647)).catch(refused);
      await tenant.delete(COLLA_SETS, { namespace, name: `huge-${round - 1}` }).catch(() => {});
    });
  },
};

const largeObjects: Attack = {
  name: 'Pods and CollaSets with 200 KB of annotations are written 10 times a second',
  async start(ground) {
    const { tenant, namespace } = ground;
    await makePods(ground, 20);
    await tenant.create(COLLA_SETS, {
      apiVersion: 'apps.kusionstack.io/v1alpha1',
      kind: 'CollaSet',
      metadata: { name: 'large', namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'none' } },
        template: { metadata: { labels: { app: 'none' } }, spec: templateFor('web:v1').spec },
      },
    });
    return repeat(ground, 10, async (round) => {
      const body = {
        metadata: {
          annotations: { [`large-${round % 2}`]: null, [`large-${(round + 1) % 2}`]: `${round}${LARGE_TEXT}` },
        },
      };
      if (round % 2 === 0) await tenant.patch(COLLA_SETS, { namespace, name: 'large' }, { type: 'merge', body });
      else await tenant.patch(PODS, { namespace, name: `pod-${(round >> 1) % 20}` }, { type: 'merge', body });
    });
  },
};

const forgedReviews: Attack = {
  name: "the coordinator's webhook port gets 50 forged reviews a second and 200 unfinished requests",
  async start(ground) {
    const url = await webhookUrl(ground);
    const pods = await makePods(ground, 10);
    const sockets = Array.from({ length: 200 }, () => {
      const socket = connect({ host: url.hostname, port: Number(url.port) });
      socket.on('error', () => {}).write('\x16\x03\x01');
      return socket;
    });
    const attack = repeat(ground, 50, (round) => {
      const pod = pods[round % pods.length];
      return post(url, {
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: {
          uid: `forged-${round}`,
          kind: { group: '', version: 'v1', kind: 'Pod' },
          resource: { group: '', version: 'v1', resource: 'pods' },
          name: pod?.metadata.name,
          namespace: pod?.metadata.namespace,
          operation: 'DELETE',
          userInfo: { username: 'system:admin', groups: ['system:masters'] },
          oldObject: pod,
        },
      });
    });
    return {
      ...attack,
      async stop() {
        for (const socket of sockets) socket.destroy();
        await attack.stop();
      },
    };
  },
};

const natsGarbage: Attack = {
  name: 'NATS gets 200 malformed messages a second on the subjects of events',
  async start(ground) {
    const { hostname, port } = new URL(ground.cluster.natsUrl);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {}).resume();
    await once(socket, 'connect');
    socket.write('CONNECT {"verbose":false}\r\n');
    const payload = '{"specversion":"1.0","data":{"__proto__":{"a":1}}';
    const attack = repeat(ground, 200, async (round) => {
      socket.write(`PUB kuperator.v1.pod.x${round % 7} ${payload.length}\r\n${payload}\r\n`);
    });
    return {
      ...attack,
      async stop() {
        await attack.stop();
        socket.destroy();
      },
    };
  },
};

export const ATTACKS: readonly Attack[] = [
  silentApprovers,
  editedRule,
  churnedLabels,
  heldDeletes,
  heldDeletesOfPeople,
  hugeSets,
  largeObjects,
  forgedReviews,
  natsGarbage,
];

/** The address that the API server calls for deletes, without the token that identifies the API server. */
async function webhookUrl({ cluster }: Ground): Promise<URL> {
  const output = await cluster.kubectl(['get', 'validatingwebhookconfigurations', '--output=json']);
  const { items } = JSON.parse(output) as { items: { webhooks?: { clientConfig: { url?: string } }[] }[] };
  const url = items.flatMap(({ webhooks = [] }) => webhooks.flatMap(({ clientConfig }) => clientConfig.url ?? []))[0];
  if (url === undefined) throw new Error('no webhook is configured with a URL');
  return new URL('/a-guess/pod-deletions', url);
}

function post(url: URL, body: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      rejectUnauthorized: false,
      timeout: 5_000,
      headers: { 'content-type': 'application/json' },
    });
    sent.on('response', (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`status ${response.statusCode}`));
    });
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')));
    sent.end(JSON.stringify(body));
  });
}
