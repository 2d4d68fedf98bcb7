import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

type MetricOptions<L extends string> = { name: string; help: string; labels?: readonly L[] };

/**
 * The metrics of one process. `counter`, `gauge` and `histogram` return the existing metric of that name, if there is one, so that
 * controllers and informers share metrics.
 */
export type Metrics = {
  readonly registry: Registry;
  counter<L extends string = never>(options: MetricOptions<L>): Counter<L>;
  gauge<L extends string = never>(options: MetricOptions<L> & { collect?: (gauge: Gauge<L>) => void }): Gauge<L>;
  /** `buckets` in the unit of the name; default 1 ms to 60 s for names in seconds. */
  histogram<L extends string = never>(options: MetricOptions<L> & { buckets?: readonly number[] }): Histogram<L>;
};

const SECONDS_BUCKETS = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Creates a registry with the metrics of the process and a constant label `app`. */
export function createMetrics(app: string, options: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry });
  const existing = <M>(name: string) => registry.getSingleMetric(name) as M | undefined;
  return {
    registry,
    counter: <L extends string>({ name, help, labels = [] }: MetricOptions<L>) =>
      existing<Counter<L>>(name) ?? new Counter<L>({ name, help, labelNames: [...labels], registers: [registry] }),
    gauge: <L extends string>(options: MetricOptions<L> & { collect?: (gauge: Gauge<L>) => void }) => {
      const { name, help, labels = [], collect } = options;
      const known = existing<Gauge<L>>(name);
      if (known) return known;
      const gauge: Gauge<L> = new Gauge<L>({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        ...(collect ? { collect: () => collect(gauge) } : {}),
      });
      return gauge;
    },
    histogram: <L extends string>(options: MetricOptions<L> & { buckets?: readonly number[] }) => {
      const { name, help, labels = [], buckets = SECONDS_BUCKETS } = options;
      return (
        existing<Histogram<L>>(name) ??
        new Histogram<L>({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })
      );
    },
  };
}
