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
  const observer = new Observer({ client, namespace: NAMESPACE, service: NAME });
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
    const steps = await walk({ audit: new AuditLog(`${cluster.dir}/audit.log`), client, observer, screen });
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

type Stage = {
  readonly audit: AuditLog;
  readonly client: KubeClient;
  readonly observer: Observer;
  readonly screen: Screen;
};

/** Creates the CollaSet, rolls it and scales it in. */
async function walk(stage: Stage): Promise<readonly Step[]> {
  const { client, observer } = stage;
  const staying = Math.max(1, Math.round(pods * 0.6));
  const uids = () => new Set(observer.pods.list().map((pod) => pod.metadata.uid ?? ''));
  const change = (spec: object) =>
    client.patch(COLLA_SETS, { namespace: NAMESPACE, name: NAME }, { type: 'merge', body: { spec } });

  const created = await takeStep(stage, {
    name: `create a Service, a rule (max unavailable ${MAX_UNAVAILABLE}) and a CollaSet of ${pods}`,
    touched: pods,
    act: () => createAll(client),
    done: () => hasSettled(observer, pods, 'web:v1'),
    judge: () => [],
  });
  const before = uids();
  const rolled = await takeStep(stage, {
    name: 'roll web:v1 → web:v2 in place',
    touched: pods,
    act: () => change({ template: template('web:v2') }),
    done: () => hasSettled(observer, pods, 'web:v2'),
    judge: () =>
      rollChecks({
        sighting: observer.sighting(),
        pods,
        mayBeOut: Math.ceil((pods * Number.parseInt(MAX_UNAVAILABLE, 10)) / 100),
        uidsBefore: before,
        uidsAfter: uids(),
      }),
  });
  const scaled = await takeStep(stage, {
    name: `scale in ${pods} → ${staying}`,
    touched: pods - staying,
    act: () => change({ replicas: staying }),
    done: () => hasSettled(observer, staying, 'web:v2'),
    judge: () => scaleInChecks(observer.sighting(), staying),
  });
  return [created, rolled, scaled];
}

type PlannedStep = {
  readonly name: string;
  /** Number of Pods that the step changes. */
  readonly touched: number;
  readonly act: () => Promise<unknown>;
  readonly done: () => boolean;
  readonly judge: () => readonly Check[];
};

async function takeStep(
  { audit, observer, screen }: Stage,
  { name, touched, act, done, judge }: PlannedStep,
): Promise<Step> {
  screen.title(name);
  observer.reset();
  await audit.read();
  const began = performance.now();
  await act();
  await observer.until(name, done, TIMEOUT_MS + pods * 1000);
  const seconds = (performance.now() - began) / 1000;
  const writes = operatorWrites(await audit.read());
  return { name, seconds, writesPerPod: writes / touched, checks: judge() };
}

/** True if there are `count` Pods, all of them in service with the image and without an operation. */
function hasSettled(observer: Observer, count: number, image: string): boolean {
  const present = observer.pods.list();
  return (
    observer.ready().size === count &&
    present.length === count &&
    present.every(
      (pod) => pod.spec.containers[0]?.image === image && isServiceAvailable(pod) && operationsOf(pod).length === 0,
    )
  );
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
