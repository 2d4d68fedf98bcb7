import type { Key } from '@kuperator/api';
import type { Metrics } from '@kuperator/runtime';
import type { TrafficChange } from './pod-writer.ts';

/** The metrics of one adapter, as callbacks of its passes. */
export function adapterMetrics(metrics: Metrics, adapter: string) {
  const changes = metrics.counter({
    name: 'kuperator_resourceconsist_traffic_changes_total',
    help: 'Lifecycle finalizers added to Pods (on) and removed from them (off).',
    labels: ['adapter', 'traffic'],
  });
  const waiting = new Map<Key, number>();
  metrics.gauge({
    name: 'kuperator_resourceconsist_waiting_pods',
    help: 'Pods whose traffic does not match their readiness yet.',
    labels: ['adapter'],
    collect: (gauge) =>
      gauge.set(
        { adapter },
        waiting.values().reduce((sum, pods) => sum + pods, 0),
      ),
  });
  const leftAlone = new Set<Key>();
  metrics.gauge({
    name: 'kuperator_resourceconsist_employers_left_alone',
    help: 'Employers that another adapter guards, so that this one leaves them alone.',
    labels: ['adapter'],
    collect: (gauge) => gauge.set({ adapter }, leftAlone.size),
  });
  return {
    onLeftAlone(employer: Key, isLeft: boolean) {
      if (isLeft) leftAlone.add(employer);
      else leftAlone.delete(employer);
    },
    onTraffic: ({ traffic }: TrafficChange) => changes.inc({ adapter, traffic }),
    onUnsettled(employer: Key, pods: number) {
      if (pods > 0) waiting.set(employer, pods);
      else waiting.delete(employer);
    },
  };
}
