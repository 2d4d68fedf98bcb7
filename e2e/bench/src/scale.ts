// Measures the CollaSet controller by size: one large CollaSet, and many small ones.
import { COLLA_SETS, CONTROLLER_REVISIONS, type CollaSet } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import type { KubeClient } from '@kuperator/runtime';
import { overConnections } from './connections.ts';
import { contend, say, withCluster } from './contend.ts';
import { isServing, runs } from './ours.ts';
import { passesBetween, passesOf } from './passes.ts';
import { timed } from './phase.ts';
import { APP_LABEL, type Arena, templateFor } from './pod-manifest.ts';
import type { Goal, PodWatch } from './pod-watch.ts';
import { SCALE_PHASES, type ScalePhase, type ScaleReport, type SizeReport, type SizeTiming } from './scale-report.ts';

type ScaleOptions = {
  /** Numbers of Pods of the CollaSets that are measured one after another. */
  readonly sizes: readonly number[];
  /** Number of CollaSets that are measured at once, and the number of Pods of each. */
  readonly sets: number;
  readonly podsPerSet: number;
  /** Small CollaSets are measured several times, until this number of Pods was handled, because single passes are too short to measure. Default 300. */
  readonly enoughPods?: number;
};

const CONTROLLER = 'collaset-controller';
const CONNECTIONS = 16;
const TIMEOUT_MS = 900_000;
export async function measureScale({ sizes, sets, podsPerSet, enoughPods = 300 }: ScaleOptions): Promise<ScaleReport> {
  return withCluster('all', async (cluster) => {
    const single: SizeReport[] = [];
    // Not measured, because the first passes of a process also compile its code.
    for (const size of [sizes[0] ?? 1, ...sizes]) {
      const rounds = Math.min(10, Math.ceil(enoughPods / size));
      single.push(await measure(cluster, { sets: 1, podsPerSet: size, rounds }, `one-${single.length}`));
    }
    const many = await measure(cluster, { sets, podsPerSet, rounds: 1 }, 'many');
    return { node: process.version, single: single.slice(1), many };
  });
}

type Size = { readonly sets: number; readonly podsPerSet: number; readonly rounds: number };

/** Scales CollaSets out, updates them in place and scales them in, the given number of times. */
async function measure(cluster: Cluster, size: Size, namespace: string): Promise<SizeReport> {
  const { sets, podsPerSet, rounds } = size;
  say(`${sets} of ${podsPerSet} Pods${rounds > 1 ? `, ${rounds} times` : ''}`);
  return contend(cluster, namespace, async ({ client, watch, arena }) => {
    const timings: Record<ScalePhase, SizeTiming>[] = [];
    const names = Array.from({ length: sets }, (_, at) => `set-${at}`);
    await overConnections(names, CONNECTIONS, (name) => client.create(COLLA_SETS, setFor(arena, name)));
    await untilSeen(client, arena, sets);
    for (let round = 0; round < rounds; round++) {
      timings.push(await measureRound({ cluster, client, watch, arena, names, podsPerSet, round }));
    }
    const phases = SCALE_PHASES.map((phase) => [phase, sumOf(timings.map((timing) => timing[phase]))] as const);
    for (const [phase, { pods, seconds, passes }] of phases)
      say(`  ${phase}: ${(pods / seconds).toFixed(1)} Pods/s, ${passes} passes`);
    return { sets, podsPerSet, phases: Object.fromEntries(phases) as Record<ScalePhase, SizeTiming> };
  });
}

type Round = {
  cluster: Cluster;
  client: KubeClient;
  watch: PodWatch;
  arena: Arena;
  names: readonly string[];
  podsPerSet: number;
  round: number;
};

async function measureRound(given: Round): Promise<Record<ScalePhase, SizeTiming>> {
  const { cluster, client, watch, arena, names, podsPerSet, round } = given;
  const pods = names.length * podsPerSet;
  const before = `web:v${round}`;
  const after = `web:v${round + 1}`;
  const look = () => passesOf(cluster.processes().find(({ name }) => name === CONTROLLER)?.httpPort, 'collaset');
  const run = async (phase: ScalePhase, specOf: (name: string) => object, goal: Goal): Promise<SizeTiming> => {
    const began = await look();
    const timing = await timed(pods, async () => {
      await overConnections(names, CONNECTIONS, (name) =>
        client.patch(COLLA_SETS, { ...arena, name }, { type: 'merge', body: { spec: specOf(name) } }),
      );
      await watch.until(`${phase} of ${names.length} sets of ${podsPerSet}`, goal, TIMEOUT_MS);
    });
    return { ...timing, ...passesBetween(began, await look()) };
  };
  return {
    'scale out': await run('scale out', () => ({ replicas: podsPerSet }), {
      pods,
      each: (pod) => isServing(pod) && runs(pod, before),
    }),
    'in-place update': await run('in-place update', (name) => ({ template: templateOf(name, after) }), {
      pods,
      each: (pod) => isServing(pod) && runs(pod, after),
    }),
    'scale in': await run('scale in', () => ({ replicas: 0 }), { pods: 0 }),
  };
}

function setFor({ namespace }: Arena, name: string): CollaSet {
  return {
    apiVersion: 'apps.kusionstack.io/v1alpha1',
    kind: 'CollaSet',
    metadata: { namespace, name },
    spec: {
      replicas: 0,
      selector: { matchLabels: { [APP_LABEL]: name } },
      template: templateOf(name, 'web:v0'),
    },
  };
}

function templateOf(name: string, image: string) {
  return { ...templateFor(image), metadata: { labels: { [APP_LABEL]: name } } };
}

/** Waits until each CollaSet has its revision, so that only the scale-out remains to be done. */
async function untilSeen(client: KubeClient, { namespace }: Arena, sets: number): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { items } = await client.list(CONTROLLER_REVISIONS, { namespace });
    if (items.length >= sets) return;
    if (performance.now() > deadline) throw new Error(`${items.length} of ${sets} CollaSets have a revision`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function sumOf(timings: readonly SizeTiming[]): SizeTiming {
  const sum = (figure: keyof SizeTiming) => timings.reduce((total, timing) => total + timing[figure], 0);
  return {
    pods: sum('pods'),
    seconds: sum('seconds'),
    passes: sum('passes'),
    passSeconds: sum('passSeconds'),
    cpuSeconds: sum('cpuSeconds'),
  };
}
