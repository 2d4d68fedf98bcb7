import type { Metrics } from './metrics.ts';

const readings = new WeakMap<Metrics, Map<string, Map<string, () => number>>>();

/** A gauge with one label, read when the metrics are. Several owners share its name, each with a value of the label. */
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
