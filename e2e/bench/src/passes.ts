/** The work of a controller since its process began, from its metrics endpoint. */
export type Passes = { readonly passes: number; readonly passSeconds: number; readonly cpuSeconds: number };

/** @throws Error when the process serves no metrics, or none of this controller */
export async function passesOf(httpPort: number | undefined, controller: string): Promise<Passes> {
  return parsePasses(await metricsOf(httpPort), controller);
}

/**
 * The metrics of a process, as text.
 * @throws Error when the process does not answer, or not with its metrics
 */
export async function metricsOf(httpPort: number | undefined): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  if (!response.ok) throw new Error(`status ${response.status} from port ${httpPort}`);
  return response.text();
}

/**
 * Sum of a metric over all its series, or over those with `label`. Reads the part of Prometheus' text format that is needed here.
 * @throws Error if there is no such series
 */
export function sumOf(text: string, metric: string, label = ''): number {
  const values = text
    .split('\n')
    .filter((line) => new RegExp(`^${metric}[{ ]`).test(line) && line.includes(label))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  if (values.length === 0) throw new Error(`no metric ${metric}${label && ` with ${label}`}`);
  return values.reduce((total, value) => total + value, 0);
}

export function parsePasses(text: string, controller: string): Passes {
  const sum = (metric: string, label?: string) => sumOf(text, metric, label);
  const label = `controller="${controller}"`;
  return {
    passes: sum('kuperator_reconcile_seconds_count', label),
    passSeconds: sum('kuperator_reconcile_seconds_sum', label),
    cpuSeconds: sum('process_cpu_seconds_total'),
  };
}

export function passesBetween(before: Passes, after: Passes): Passes {
  return {
    passes: after.passes - before.passes,
    passSeconds: after.passSeconds - before.passSeconds,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  };
}
