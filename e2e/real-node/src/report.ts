import Table from 'cli-table3';

/** One operation of a run. */
export type Result = {
  title: string;
  /** Number of repetitions. */
  rounds: number;
  seconds: number;
  sent: number;
  failed: number;
  /** Number of containers that got SIGTERM. */
  stops: number;
  /** The shortest time from a Pod's removal from the packet filter to its SIGTERM; null if no container was stopped. */
  leastSlackMs: number | null;
  /** The longest time from an EndpointSlice without a Pod to the packet filter without it. */
  mostProxyLagMs: number | null;
};

export function tableOf(results: readonly Result[]): string {
  const table = new Table({
    head: ['operation', 'rounds', 'seconds', 'failed / sent', 'SIGTERMs', 'least slack', 'longest proxy lag'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { title, rounds, seconds, sent, failed, stops, leastSlackMs, mostProxyLagMs } of results) {
    table.push([
      title,
      rounds,
      seconds.toFixed(1),
      `${failed} / ${sent}`,
      stops,
      shown(leastSlackMs),
      shown(mostProxyLagMs),
    ]);
  }
  return table.toString();
}

function shown(ms: number | null): string {
  return ms === null ? '–' : `${Math.round(ms)} ms`;
}
