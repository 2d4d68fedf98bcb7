import Table from 'cli-table3';
import { type Growth, growthBetween, growthLine } from './growth.ts';
import type { Passes } from './passes.ts';
import { podsPerSecond, type Timing } from './phase.ts';

export const SCALE_PHASES = ['scale out', 'in-place update', 'scale in'] as const;
export type ScalePhase = (typeof SCALE_PHASES)[number];

/** One phase: number of Pods, duration, and the work of the CollaSet controller. */
export type SizeTiming = Timing & Passes;

export type SizeReport = {
  readonly sets: number;
  readonly podsPerSet: number;
  readonly phases: Readonly<Record<ScalePhase, SizeTiming>>;
};

/** All results of a run, as `--json` writes them. */
export type ScaleReport = {
  readonly node: string;
  /** One CollaSet at a time, of growing size. */
  readonly single: readonly SizeReport[];
  /** Many CollaSets at once. */
  readonly many: SizeReport;
};

/** CPU milliseconds of the controller's process per pass, over all phases. The work of its watches is included. */
function cpuMsPerPass({ phases }: SizeReport): number {
  const sum = (figure: 'cpuSeconds' | 'passes') =>
    SCALE_PHASES.reduce((total, phase) => total + phases[phase][figure], 0);
  return (sum('cpuSeconds') * 1000) / sum('passes');
}

/** How much the cost of a pass grows from size to size, compared with the growth of the number of Pods. */
export function growthOf(sizes: readonly SizeReport[]): readonly Growth[] {
  return growthBetween(sizes, ({ podsPerSet }) => podsPerSet, cpuMsPerPass);
}

/** The report as text. */
export function renderScale({ single, many }: ScaleReport): string {
  return [
    'Pods per second until all are as asked for',
    speeds([...single, many]),
    'Passes of the CollaSet controller, and CPU of its process',
    costs([...single, many]),
    ...growthOf(single).map((growth) => growthLine(growth, { what: 'Pods', price: 'CPU a pass' })),
  ].join('\n');
}

const titleOf = ({ sets, podsPerSet }: SizeReport) => `${sets} × ${podsPerSet}`;

function speeds(sizes: readonly SizeReport[]): string {
  const table = new Table({ head: ['sets × Pods', ...SCALE_PHASES], style: { head: [], border: [] } });
  for (const size of sizes) {
    table.push([titleOf(size), ...SCALE_PHASES.map((phase) => podsPerSecond(size.phases[phase]).toFixed(1))]);
  }
  return table.toString();
}

function costs(sizes: readonly SizeReport[]): string {
  const head = ['sets × Pods', 'phase', 'passes', 'ms a pass', 'CPU ms a pass', 'CPU ms a Pod'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const size of sizes) {
    for (const phase of SCALE_PHASES) {
      const { pods, passes, passSeconds, cpuSeconds } = size.phases[phase];
      const perPass = (seconds: number) => ((seconds * 1000) / passes).toFixed(2);
      const perPod = ((cpuSeconds * 1000) / pods).toFixed(2);
      table.push([titleOf(size), phase, String(passes), perPass(passSeconds), perPass(cpuSeconds), perPod]);
    }
  }
  return table.toString();
}
