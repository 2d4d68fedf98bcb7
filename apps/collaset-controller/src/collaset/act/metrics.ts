import type { Metrics } from '@kuperator/runtime';

/** What a write to the API server was for. */
export type WriteKind =
  | 'create'
  | 'exclude'
  | 'include'
  | 'mark'
  | 'delete'
  | 'begin'
  | 'cancel'
  | 'change'
  | 'resize'
  | 'finish'
  | 'context'
  | 'status'
  | 'revision'
  | 'reclaim'
  | 'claim';

export type CollaSetMetrics = {
  /** Counts one write of a kind. */
  wrote(kind: WriteKind): void;
  /** Time from the beginning of an operation to its permission. */
  permitted(type: string, seconds: number): void;
  /** Time from the change of a Pod to the kubelet having followed. */
  changed(seconds: number): void;
};

export function collaSetMetrics(metrics: Metrics): CollaSetMetrics {
  const writes = metrics.counter({
    name: 'kuperator_collaset_writes_total',
    help: 'Writes to the API server by what they were for.',
    labels: ['kind'],
  });
  const permission = metrics.histogram({
    name: 'kuperator_collaset_permission_seconds',
    help: 'Time from the beginning of a Pod operation to its permission.',
    labels: ['type'],
  });
  const change = metrics.histogram({
    name: 'kuperator_collaset_in_place_seconds',
    help: 'Time from permission of an in-place update until the kubelet runs what was asked for.',
  });
  return {
    wrote: (kind) => writes.inc({ kind }),
    permitted: (type, seconds) => permission.observe({ type }, seconds),
    changed: (seconds) => change.observe(seconds),
  };
}
