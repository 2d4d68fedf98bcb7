import type { Metrics } from '@kuperator/runtime';

/** The purpose of a write to the API server. */
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
  /** Observes the time from the start of an operation to its permission. */
  permitted(type: string, seconds: number): void;
  /** Observes the time from the permission of an in-place update until the kubelet has completed the change. */
  changed(seconds: number): void;
};

export function collaSetMetrics(metrics: Metrics): CollaSetMetrics {
  const writes = metrics.counter({
    name: 'kuperator_collaset_writes_total',
    help: 'Writes to the API server, by purpose.',
    labels: ['kind'],
  });
  const permission = metrics.histogram({
    name: 'kuperator_collaset_permission_seconds',
    help: 'Time from the start of a Pod operation to its permission.',
    labels: ['type'],
  });
  const change = metrics.histogram({
    name: 'kuperator_collaset_in_place_seconds',
    help: 'Time from the permission of an in-place update until the kubelet has completed the change.',
  });
  return {
    wrote: (kind) => writes.inc({ kind }),
    permitted: (type, seconds) => permission.observe({ type }, seconds),
    changed: (seconds) => change.observe(seconds),
  };
}
