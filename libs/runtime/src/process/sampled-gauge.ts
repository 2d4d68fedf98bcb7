import type { Metrics } from './metrics.ts';

const readings = new WeakMap<Metrics, Map<string, Map<string, () => number>>>();

/** Registers one label value of a gauge that is read at each scrape. Several owners share the gauge, each with its own label value. */
export function sampledGauge(
  metrics: Metrics,
  options: { name: string; help: string; label: string; value: string; read: () => number },
): void {
  const { name, help, label, value, read } = options;
  const gauges = readings.get(metrics) ?? new Map<string, Map<string, () => number>>();
  readings.set(metrics, gauges);
  const known = gauges.get(name);
  if (known) {
    known.set(value, read);
    return;
  }
  const readers = new Map([[value, read]]);
  gauges.set(name, readers);
  metrics.gauge<string>({
    name,
    help,
    labels: [label],
    collect: (gauge) => {
      for (const [owner, current] of readers) gauge.set({ [label]: owner }, current());
    },
  });
}
