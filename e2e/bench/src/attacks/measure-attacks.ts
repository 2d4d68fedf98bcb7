// Measures the effect of attacks by a tenant, or by a peer on the network, on a neighbour: one attack after the other, or all at once for a long time.
import { type Cluster, kubeconfigAs, startCluster, waitUntil } from '@kuperator/cluster';
import { createKubeClient } from '@kuperator/runtime';
import { say } from '../contend.ts';
import { metricsOf, sumOf } from '../passes.ts';
import type { Attack, Ground, Running } from './attack.ts';
import { ATTACKS } from './attacks.ts';
import { Neighbour } from './neighbour.ts';
import type { AttackReport, OperatorLoad, Spell } from './report.ts';

type AttackOptions = {
  /** How often the neighbour's operations are repeated in each measurement. Default 5, and 1 while all attacks run at once. */
  readonly rounds?: number;
  /** If it is more than 0, all attacks run at once for this time, instead of one after the other. */
  readonly minutes?: number | undefined;
  /** Default: all attacks. */
  readonly attacks?: readonly Attack[];
  /** Called after each look with what was seen so far: an hour is not lost to whatever ends the process. */
  readonly onLook?: (report: AttackReport) => Promise<void>;
};

/** While all attacks go on at once, each has this share of its own rate, and each look takes this long. */
const PACE_AT_ONCE = 0.1;
const LOOK_MS = 5 * 60_000;

/** Holds are short, because they cost time for every Pod and show nothing about an attack. Approvers are on loopback here. */
const SETTINGS = { TRAFFIC_OFF_HOLD_MS: '200', TRAFFIC_ON_HOLD_MS: '100', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' };

export async function measureAttacks({
  minutes = 0,
  rounds = 5,
  attacks = ATTACKS,
  onLook = async () => {},
}: AttackOptions): Promise<AttackReport> {
  await using cluster = await startCluster({ operatorEnv: SETTINGS, onProgress: (line) => say(`  ${line}`) });
  const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'neighbour' });
  const tenant = createKubeClient({ kubeconfig: await kubeconfigAs(cluster, 'tenant'), userAgent: 'tenant' });
  const neighbour = new Neighbour(cluster, client);
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await neighbour.stop();
    await Promise.all([client.close(), tenant.close()]);
  });
  await neighbour.deploy();
  await neighbour.roll(); // not measured, because the first passes of a process also compile its code
  const report: AttackReport & { readonly spells: Spell[] } = { node: process.version, spells: [] };
  const spell = async (name: string, running: readonly Running[], lastsUntil: Look = { rounds }) => {
    say(`  ${name}`);
    report.spells.push(await observe(cluster, neighbour, { name, running, lastsUntil }));
    await onLook(report);
  };
  const ground = (at: number, pace: number): Ground => ({ cluster, tenant, namespace: `tenant-${at}`, pace });
  await spell('none', []);
  if (minutes === 0) {
    for (const [at, attack] of attacks.entries()) {
      const running = await begin(attack, ground(at, 1));
      await spell(attack.name, [running]);
      await end(running, ground(at, 1));
    }
    return report;
  }
  const running: Running[] = [];
  for (const [at, attack] of attacks.entries()) running.push(await begin(attack, ground(at, PACE_AT_ONCE)));
  const began = performance.now();
  for (let fromMs = 0; fromMs < minutes * 60_000; fromMs += LOOK_MS) {
    const toMs = Math.min(fromMs + LOOK_MS, minutes * 60_000);
    const name = `all at once, minutes ${fromMs / 60_000} to ${toMs / 60_000}`;
    await spell(name, running, { untilMs: began + toMs });
  }
  // What they leave behind goes with the cluster.
  await Promise.all(running.map((each) => each.stop()));
  await spell('none any more', []);
  return report;
}

/** How long the neighbour is watched: for so many rounds, or until `performance.now()` is `untilMs`, but for one round at least. */
type Look = { readonly rounds: number } | { readonly untilMs: number };

async function observe(
  cluster: Cluster,
  neighbour: Neighbour,
  { name, running, lastsUntil }: { name: string; running: readonly Running[]; lastsUntil: Look },
): Promise<Spell> {
  const before = running.map(({ counts }) => counts());
  const loads = new LoadWatch(cluster);
  const [rollSeconds, shrinkSeconds]: [number[], number[]] = [[], []];
  const isOver = () =>
    'rounds' in lastsUntil ? rollSeconds.length >= lastsUntil.rounds : performance.now() >= lastsUntil.untilMs;
  while (rollSeconds.length === 0 || !isOver()) {
    rollSeconds.push(await neighbour.roll());
    shrinkSeconds.push(await neighbour.shrink());
  }
  const counts = running.map((each, at) => {
    const { sent, refused } = each.counts();
    return { sent: sent - (before[at]?.sent ?? 0), refused: refused - (before[at]?.refused ?? 0) };
  });
  return {
    name,
    sent: counts.reduce((sum, { sent }) => sum + sent, 0),
    refused: counts.reduce((sum, { refused }) => sum + refused, 0),
    rollSeconds,
    shrinkSeconds,
    complaints: await neighbour.complaints(),
    loads: await loads.stop(),
    restarts: cluster
      .processes()
      .filter(({ state }) => state === 'crashed')
      .map((process) => process.name),
  };
}

/** Reads the operators' memory and the longest stop of their event loop, every second. */
class LoadWatch {
  readonly #cluster: Cluster;
  readonly #loads = new Map<string, OperatorLoad>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, 1_000);
  }

  async stop(): Promise<readonly OperatorLoad[]> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#look();
    return [...this.#loads.values()];
  }

  async #look(): Promise<void> {
    const operators = this.#cluster
      .processes()
      .filter(({ name, httpPort }) => httpPort !== undefined && name !== 'nats');
    await Promise.all(
      operators.map(async ({ name, httpPort }) => {
        const now = await loadOf(httpPort).catch(() => undefined);
        if (now === undefined) return; // the operator restarts or is too busy; the next read shows its state
        const last = this.#loads.get(name);
        this.#loads.set(name, {
          operator: name,
          residentMiB: Math.max(now.residentMiB, last?.residentMiB ?? 0),
          stopMs: Math.max(now.stopMs, last?.stopMs ?? 0),
        });
      }),
    );
  }
}

/** @throws Error when the operator does not answer, or not with these metrics */
async function loadOf(httpPort: number | undefined): Promise<Omit<OperatorLoad, 'operator'>> {
  const text = await metricsOf(httpPort);
  return {
    residentMiB: Math.round(sumOf(text, 'process_resident_memory_bytes') / 2 ** 20),
    stopMs: Math.round(sumOf(text, 'nodejs_eventloop_lag_max_seconds') * 1000),
  };
}

async function begin(attack: Attack, ground: Ground): Promise<Running> {
  const { cluster, namespace } = ground;
  await cluster.kubectl(['create', 'namespace', namespace]);
  const bind = (role: string) =>
    cluster.kubectl(['create', 'rolebinding', role, `--role=${role}`, '--user=tenant', `--namespace=${namespace}`]);
  await cluster.kubectl([
    'create',
    'role',
    'everything',
    '--verb=*',
    '--resource=*.*,pods,services,pods/eviction',
    `--namespace=${namespace}`,
  ]);
  await bind('everything');
  // The API server learns of a new role through a watch, so the role takes effect with a delay.
  const may = () =>
    cluster.kubectl(['auth', 'can-i', 'create', 'pods', '--as=tenant', `--namespace=${namespace}`]).then(
      () => true,
      () => false,
    );
  await waitUntil(may, { what: `the tenant's rights in ${namespace}`, timeoutMs: 30_000 });
  return attack.start(ground);
}

/** Deletes the rules first, so that the Pods they hold can be deleted. */
async function end(running: Running, { cluster, namespace }: Ground): Promise<void> {
  await running.stop();
  await cluster.kubectl(['delete', 'podtransitionrules', '--all', `--namespace=${namespace}`]);
  await cluster.kubectl(['delete', 'namespace', namespace]);
}
