import Table from 'cli-table3';
import { growthBetween, growthLine } from './growth.ts';
import type { EvaluationCost, PodEventCost } from './measured-apart.ts';
import type { Passes } from './passes.ts';
import type { Timing } from './phase.ts';

export const VERDICT_PHASES = ['all arrive', 'waits are explained', 'rule edited'] as const;
export type VerdictPhase = (typeof VERDICT_PHASES)[number];

/** One phase, and the work of the engine in it. */
export type VerdictTiming = Timing &
  Passes & {
    /** The evaluations among the passes, and their time alone, without the API server and without the CPU time of the watches. */
    readonly evaluations: number;
    readonly evaluationSeconds: number;
    /** Writes of the status, including refused writes. */
    readonly statusWrites: number;
  };

export type VerdictSize = {
  readonly pods: number;
  readonly edits: number;
  /** Pods in the status at the end, that is, Pods that still wait. */
  readonly waiting: number;
  readonly statusBytes: number;
  readonly phases: Readonly<Record<VerdictPhase, VerdictTiming>>;
};

/** All results of a run, as `--json` writes them. */
export type VerdictReport = {
  readonly node: string;
  readonly sizes: readonly VerdictSize[];
  readonly evaluations: readonly EvaluationCost[];
  readonly podEvents: readonly PodEventCost[];
};

/**
 * How much more than its share a larger size may cost. The data of a pass over thousands of Pods does not fit the young generation of V8's
 * heap, and is copied once or twice. That happens once, but a loop within a loop costs ten times as much for ten times the Pods.
 */
const SLACK = 1.75;

/** CPU milliseconds of the engine's process for one pass over all waiting Pods. */
function cpuMsPerEdit({ phases }: VerdictSize): number {
  const { cpuSeconds, evaluations } = phases['rule edited'];
  return (cpuSeconds * 1000) / evaluations;
}

/** The report as text. */
export function renderVerdict({ sizes, evaluations, podEvents }: VerdictReport): string {
  return [
    'Until every waiting Pod has its verdict: what the engine does',
    engineTable(sizes),
    'One evaluation by itself',
    evaluationTable(evaluations),
    'One event of a waiting Pod in the coordinator by itself, CPU µs',
    podEventTable(podEvents),
    ...promises({ sizes, evaluations, podEvents }),
  ].join('\n');
}

function promises({ sizes, evaluations, podEvents }: Omit<VerdictReport, 'node'>): readonly string[] {
  const pods = (each: { pods: number }) => each.pods;
  const others = [...new Set(podEvents.map((each) => each.others))];
  return [
    ...growthBetween(sizes, pods, cpuMsPerEdit).map((each) =>
      growthLine(each, { what: 'Pods', price: 'CPU a pass', slack: SLACK }),
    ),
    ...growthBetween(evaluations, pods, ({ againMs }) => againMs).map((each) =>
      growthLine(each, { what: 'Pods', price: 'CPU an evaluation', slack: SLACK }),
    ),
    ...others.flatMap((other) =>
      growthBetween(
        podEvents.filter((each) => each.others === other),
        (each) => each.labels,
        (each) => each.microseconds,
      ).map((each) => growthLine(each, { what: 'labels', price: `CPU an event beside ${other} others`, slack: SLACK })),
    ),
    ...besideOthers(podEvents),
  ];
}

/** The number of other objects must make no difference. */
function besideOthers(podEvents: readonly PodEventCost[]): readonly string[] {
  const labels = [...new Set(podEvents.map((each) => each.labels))];
  return labels.flatMap((label) =>
    growthBetween(
      podEvents.filter((each) => each.labels === label),
      ({ others }) => others,
      ({ microseconds }) => microseconds,
    ).map(({ from, to, cost }) => {
      const verdict = cost <= SLACK ? 'the same' : 'GROWS WITH THE OTHERS';
      return `${label} labels, ${from} → ${to} others: ${cost.toFixed(1)}× the CPU an event: ${verdict}`;
    }),
  );
}

function engineTable(sizes: readonly VerdictSize[]): string {
  const head = [
    'Pods',
    'phase',
    's',
    'passes',
    'writes',
    'evaluation ms',
    'CPU ms a pass',
    'CPU ms a Pod',
    'status KiB',
  ];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { pods, edits, statusBytes, phases } of sizes) {
    for (const phase of VERDICT_PHASES) {
      const { seconds, passes, statusWrites, evaluations, evaluationSeconds, cpuSeconds } = phases[phase];
      const isLast = phase === 'rule edited';
      table.push([
        pods,
        isLast ? `${phase} ${edits}×` : phase,
        seconds.toFixed(1),
        passes,
        statusWrites,
        evaluations === 0 ? '–' : ((evaluationSeconds * 1000) / evaluations).toFixed(2),
        evaluations === 0 ? '–' : ((cpuSeconds * 1000) / evaluations).toFixed(2),
        ((cpuSeconds * 1000) / pods / (isLast ? edits : 1)).toFixed(3),
        isLast ? (statusBytes / 1024).toFixed(1) : '',
      ]);
    }
  }
  return table.toString();
}

function evaluationTable(evaluations: readonly EvaluationCost[]): string {
  const table = new Table({
    head: ['Pods', 'first, CPU ms', 'again, CPU ms', 'again, µs a Pod', 'bytes a Pod'],
    style: { head: [], border: [] },
  });
  for (const { pods, firstMs, againMs, statusBytes } of evaluations) {
    table.push([
      pods,
      firstMs.toFixed(2),
      againMs.toFixed(2),
      ((againMs * 1000) / pods).toFixed(2),
      Math.round(statusBytes / pods),
    ]);
  }
  return table.toString();
}

function podEventTable(podEvents: readonly PodEventCost[]): string {
  const labels = [...new Set(podEvents.map((each) => each.labels))];
  const table = new Table({
    head: ['rule objects, Services, waiting Pods beside it', ...labels.map((label) => `${label} labels`)],
    style: { head: [], border: [] },
  });
  for (const other of new Set(podEvents.map(({ others }) => others))) {
    const row = podEvents.filter(({ others }) => others === other);
    table.push([other, ...row.map(({ microseconds }) => microseconds.toFixed(1))]);
  }
  return table.toString();
}
