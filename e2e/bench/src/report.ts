import { own } from '@kuperator/api';
import type { CallCount } from '@kuperator/observer';
import Table from 'cli-table3';
import { PHASES, type Phase, podsPerSecond, type Timing } from './phase.ts';

export type PhaseReport = Timing & {
  /** Writes of our operators, without Events and Leases. */
  readonly writesPerPod: number;
  readonly calls: readonly CallCount[];
  readonly cpuSeconds: Readonly<Record<string, number>>;
};

/** All results of a run, as `--json` writes them. */
export type Report = {
  readonly pods: number;
  readonly maxUnavailable: string | null;
  /** Whether a Service selected the Pods of our CollaSet. */
  readonly service: boolean;
  readonly node: string;
  readonly bare: Partial<Record<Phase, Timing>>;
  readonly ceiling: Record<Phase, Timing>;
  readonly ours: Record<Phase, PhaseReport>;
  readonly peakMiB: Readonly<Record<string, number>>;
};

const fixed = (value: number | undefined, digits = 1) => (value === undefined ? '–' : value.toFixed(digits));

/** The report as text. */
export function render(report: Report): string {
  return [
    `${report.pods} Pods, ${report.maxUnavailable ? `maxUnavailable ${report.maxUnavailable}` : 'no rule'}, ${report.service ? 'a' : 'no'} Service; Pods per second until all are available`,
    speeds(report),
    'API calls per Pod by client and verb (without Events, Leases and calls under 0.01 a Pod)',
    callTable(report),
    'CPU seconds per phase, and peak memory',
    usageTable(report),
  ].join('\n');
}

function speeds({ bare, ceiling, ours }: Report): string {
  const table = new Table({
    head: ['', 'bare', 'protocol', 'ours', 'of bare', 'of protocol', 'writes/Pod'],
    style: { head: [], border: [] },
  });
  for (const phase of PHASES) {
    const ownBare = bare[phase];
    const rate = podsPerSecond(ours[phase]);
    table.push([
      phase,
      ownBare ? fixed(podsPerSecond(ownBare)) : '–',
      fixed(podsPerSecond(ceiling[phase])),
      fixed(rate),
      ownBare ? fixed(rate / podsPerSecond(ownBare), 2) : '–',
      fixed(rate / podsPerSecond(ceiling[phase]), 2),
      fixed(ours[phase].writesPerPod, 2),
    ]);
  }
  return table.toString();
}

function callTable({ pods, ours }: Report): string {
  const rows = new Map<string, Partial<Record<Phase, number>>>();
  for (const phase of PHASES) {
    for (const { client, verb, resource, calls } of ours[phase].calls) {
      if (calls / pods < 0.01 || resource === 'events' || resource === 'leases') continue;
      const row = `${client} ${verb} ${resource}`;
      rows.set(row, { ...rows.get(row), [phase]: calls / pods });
    }
  }
  const table = new Table({ head: ['', ...PHASES], style: { head: [], border: [] } });
  for (const [row, counts] of [...rows].toSorted())
    table.push([row, ...PHASES.map((phase) => fixed(counts[phase], 2))]);
  return table.toString();
}

function usageTable({ ours, peakMiB }: Report): string {
  const table = new Table({ head: ['', ...PHASES, 'peak MiB'], style: { head: [], border: [] } });
  for (const name of Object.keys(peakMiB)) {
    table.push([name, ...PHASES.map((phase) => fixed(own(ours[phase].cpuSeconds, name))), String(own(peakMiB, name))]);
  }
  return table.toString();
}
