import Table from 'cli-table3';

/** The highest values of an operator during a measurement. */
export type OperatorLoad = { readonly operator: string; readonly residentMiB: number; readonly stopMs: number };

/** The effect of one attack, or of all, on the neighbour and the operators. */
export type Spell = {
  readonly name: string;
  /** Number of requests of the attack; `refused` is the number that were refused or failed. */
  readonly sent: number;
  readonly refused: number;
  /** Seconds of each update in place of four Pods. */
  readonly rollSeconds: readonly number[];
  /** Seconds, each time, until the Pods of a Deployment that is scaled to 0 are gone. */
  readonly shrinkSeconds: readonly number[];
  /** Promises to the neighbour that were broken. */
  readonly complaints: readonly string[];
  readonly loads: readonly OperatorLoad[];
  /** Operators that crashed. */
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

/** The median of `values`; for an even number of values, the greater of the two in the middle. */
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
