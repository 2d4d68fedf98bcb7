import { COLLA_SETS, type KubeObject, POD_TRANSITION_RULES, type Resource, SERVICES } from '@kuperator/api';
import { type Cluster, shellExports, startCluster } from '@kuperator/cluster';
import { createEventBus } from '@kuperator/events';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';
import { AuditLog, type Check, Observer, operatorWrites, rollChecks, scaleInChecks } from '@kuperator/observer';
import { createKubeClient, createLogger, type KubeClient } from '@kuperator/runtime';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { collaSet, MAX_UNAVAILABLE, NAME, NAMESPACE, rule, service, template } from './manifests.ts';
import { Screen } from './screen.ts';

const TIMEOUT_MS = 120_000;

function podCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 2 || value > 2000) {
    throw new InvalidArgumentError('must be a whole number from 2 to 2000');
  }
  return value;
}

const { pods, keep } = new Command('npm run demo --')
  .description(
    'Creates a CollaSet behind a Service on a local control plane, rolls it in place, scales it in, and checks each step.',
  )
  .option('--pods <n>', 'number of Pods of the CollaSet', podCount, 10)
  .option('--keep', 'keep the cluster running until Ctrl-C')
  .parse()
  .opts<{ pods: number; keep?: boolean }>();

const say = (line: string) => process.stderr.write(`${line}\n`);

await using cluster = await startCluster({ operators: 'all', audit: true, onProgress: say });
const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'demo' });
const checks = await rollAndScale(cluster, client).finally(() => client.close());
process.stdout.write(`${render(checks)}\n`);
if (keep) await untilInterrupted(cluster);
process.exitCode = checks.every(({ kept }) => kept) ? 0 : 1;

type Step = {
  readonly name: string;
  readonly seconds: number;
  readonly writesPerPod: number;
  readonly checks: readonly Check[];
};

async function rollAndScale(cluster: Cluster, client: KubeClient): Promise<readonly (Check & { step: string })[]> {
  await cluster.kubectl(['create', 'namespace', NAMESPACE]);
  const observer = new Observer(client, NAMESPACE, NAME);
  await observer.start();
  const screen = new Screen(
    process.stdout,
    () => observer.pods.list(),
    () => observer.ready(),
  );
  observer.pods.onChange(({ object }) => screen.pod(object));
  const subscriber = createEventBus({
    url: cluster.natsUrl,
    cluster: cluster.name,
    source: 'demo',
    logger: createLogger({ app: 'subscriber', level: 'error' }),
  });
  subscriber.subscribe({ namespace: NAMESPACE }, (event) => screen.event(event));
  await subscriber.start();
  try {
    const steps = await walk(cluster, client, observer, screen);
    return steps.flatMap(({ name, seconds, writesPerPod, checks }) => [
      ...checks.map((check) => ({ step: name, ...check })),
      {
        step: name,
        promise: '',
        seen: `${seconds.toFixed(1)} s, ${writesPerPod.toFixed(1)} API writes per Pod`,
        kept: true,
      },
    ]);
  } finally {
    screen.stop();
    await subscriber.stop();
    await observer.stop();
  }
}

async function walk(
  cluster: Cluster,
  client: KubeClient,
  observer: Observer,
  screen: Screen,
): Promise<readonly Step[]> {
  const audit = new AuditLog(`${cluster.dir}/audit.log`);
  const staying = Math.max(1, Math.round(pods * 0.6));
  const uids = () => new Set(observer.pods.list().map((pod) => pod.metadata.uid ?? ''));
  const settled = (count: number, image: string) => () =>
    observer.ready().size === count &&
    observer.pods.list().length === count &&
    observer.pods
      .list()
      .every(
        (pod) => pod.spec.containers[0]?.image === image && isServiceAvailable(pod) && operationsOf(pod).length === 0,
      );
  const step = async (
    name: string,
    touched: number,
    act: () => Promise<unknown>,
    done: () => boolean,
    judge: () => readonly Check[],
  ) => {
    screen.title(name);
    observer.reset();
    await audit.read();
    const began = performance.now();
    await act();
    await observer.until(name, done, TIMEOUT_MS + pods * 1000);
    const seconds = (performance.now() - began) / 1000;
    const writes = operatorWrites(await audit.read());
    return { name, seconds, writesPerPod: writes / touched, checks: judge() };
  };
  const change = (spec: object) =>
    client.patch(COLLA_SETS, { namespace: NAMESPACE, name: NAME }, { type: 'merge', body: { spec } });

  const created = await step(
    `create a Service, a rule (max unavailable ${MAX_UNAVAILABLE}) and a CollaSet of ${pods}`,
    pods,
    async () => {
      await createAll(client);
    },
    settled(pods, 'web:v1'),
    () => [],
  );
  const before = uids();
  const rolled = await step(
    'roll web:v1 → web:v2 in place',
    pods,
    () => change({ template: template('web:v2') }),
    settled(pods, 'web:v2'),
    () =>
      rollChecks({
        sighting: observer.sighting(),
        pods,
        mayBeOut: Math.ceil((pods * Number.parseInt(MAX_UNAVAILABLE, 10)) / 100),
        uidsBefore: before,
        uidsAfter: uids(),
      }),
  );
  const scaled = await step(
    `scale in ${pods} → ${staying}`,
    pods - staying,
    () => change({ replicas: staying }),
    settled(staying, 'web:v2'),
    () => scaleInChecks(observer.sighting(), staying),
  );
  return [created, rolled, scaled];
}

async function createAll(client: KubeClient): Promise<void> {
  const create = <T extends KubeObject>(resource: Resource<T>, object: T) => client.create(resource, object);
  await create(SERVICES, service);
  await create(POD_TRANSITION_RULES, rule);
  await create(COLLA_SETS, collaSet(pods, 'web:v1'));
}

function render(checks: readonly (Check & { step: string })[]): string {
  const table = new Table({ head: ['step', 'promise', 'seen', ''], style: { head: [], border: [] } });
  for (const { step, promise, seen, kept } of checks) {
    table.push([step, promise, seen, promise === '' ? '' : kept ? 'kept' : 'BROKEN']);
  }
  return table.toString();
}

async function untilInterrupted(cluster: Cluster): Promise<void> {
  say('The cluster runs until Ctrl-C. To use it, run in another terminal:');
  for (const line of shellExports(cluster)) say(line);
  await new Promise<void>((resolve) => process.once('SIGINT', resolve));
}
