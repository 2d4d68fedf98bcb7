/** What a controller has done since its process began, by its metrics endpoint. */
export type Passes = { readonly passes: number; readonly passSeconds: number; readonly cpuSeconds: number };

/** @throws Error when the process serves no metrics, or none of this controller */
export async function passesOf(httpPort: number | undefined, controller: string): Promise<Passes> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  return parsePasses(await response.text(), controller);
}

/** Reads the text format of Prometheus, as far as it is needed here. */
export function parsePasses(text: string, controller: string): Passes {
  const sum = (metric: string, label = '') => {
    const values = text
      .split('\n')
      .filter((line) => new RegExp(`^${metric}[{ ]`).test(line) && line.includes(label))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
    if (values.length === 0) throw new Error(`no metric ${metric}${label && ` with ${label}`}`);
    return values.reduce((total, value) => total + value, 0);
  };
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
