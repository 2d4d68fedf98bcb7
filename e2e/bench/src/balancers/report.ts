import Table from 'cli-table3';

/** Calls of one API of the cloud during a roll. */
export type ApiUse = {
  readonly api: string;
  readonly calls: number;
  readonly refused: number;
  /** Most calls in a period of the limit, and the limit; undefined if none is published. */
  readonly peak: number;
  readonly limit: { readonly calls: number; readonly windowMs: number } | undefined;
};
/** A roll in place of all Pods, behind Services that share one CLB instance. */
export type BalancerRoll = {
  readonly mode: 'observe' | 'managed';
  readonly services: number;
  readonly pods: number;
  readonly seconds: number;
  readonly apis: readonly ApiUse[];
};
export type BalancersReport = { readonly node: string; readonly rolls: readonly BalancerRoll[] };

/** The report as text. */
export function renderBalancers({ rolls }: BalancersReport): string {
  const table = new Table({
    head: ['mode', 'Services', 'roll s', 'API', 'calls', 'a Pod', 'refused', 'most in a period', 'limit'],
    style: { head: [], border: [] },
  });
  for (const { mode, services, pods, seconds, apis } of rolls) {
    for (const { api, calls, refused, peak, limit } of apis) {
      const shown = limit ? `${limit.calls} in ${limit.windowMs / 1000} s` : '–';
      const row = [mode, services, seconds.toFixed(0), api, calls, (calls / pods).toFixed(2), refused, peak, shown];
      table.push(row.map(String));
    }
  }
  return `Calls of the adapter while ${rolls[0]?.pods ?? 0} Pods roll in place behind one CLB\n${table}`;
}
