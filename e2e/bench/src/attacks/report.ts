import Table from 'cli-table3';

/** The worst of an operator while something went on. */
export type OperatorLoad = { readonly operator: string; readonly residentMiB: number; readonly stopMs: number };

/** What the neighbour and the operators noticed of one attack, or of all. */
export type Spell = {
  readonly name: string;
  /** Requests of the attack, and those that were refused or failed. */
  readonly sent: number;
  readonly refused: number;
  /** An update in place of four Pods, each time. */
  readonly rollSeconds: readonly number[];
  /** Until the Pods of a Deployment scaled to 0 are gone, each time. */
  readonly shrinkSeconds: readonly number[];
  /** Promises to the neighbour that were broken. */
  readonly complaints: readonly string[];
  readonly loads: readonly OperatorLoad[];
  /** Operators that ended by themselves. */
  readonly restarts: readonly string[];
};

export type AttackReport = { readonly node: string; readonly spells: readonly Spell[] };

const HEAD = [
  'attack',
  'requests (refused)',
  'roll s: median, most',
  'Deployment to 0 s: median, most',
  'most memory MiB',
  'longest stop ms',
  'promises broken',
];

export function renderAttacks({ spells }: AttackReport): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  for (const { name, sent, refused, rollSeconds, shrinkSeconds, complaints, loads, restarts } of spells) {
    const memory = worst(loads, ({ residentMiB }) => residentMiB);
    const stop = worst(loads, ({ stopMs }) => stopMs);
    const broken = [...complaints, ...restarts.map((operator) => `${operator} ended`)];
    table.push([
      name,
      `${sent} (${refused})`,
      spread(rollSeconds),
      spread(shrinkSeconds),
      memory,
      stop,
      broken.length === 0 ? 'none' : `${broken.length}: ${broken[0]}`,
    ]);
  }
  return table.toString();
}

/** The middle one of `values`; of an even number, the greater of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function spread(seconds: readonly number[]): string {
  return `${median(seconds).toFixed(1)}, ${Math.max(...seconds).toFixed(1)}`;
}

function worst(loads: readonly OperatorLoad[], figure: (load: OperatorLoad) => number): string {
  const highest = loads.toSorted((a, b) => figure(b) - figure(a))[0];
  return highest === undefined ? '–' : `${figure(highest)} (${highest.operator})`;
}
