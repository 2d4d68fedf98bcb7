import type { KuperatorEvent } from '../catalog.ts';
import { collaSetEvent, podEvent, ruleEvent } from '../events.ts';

const pod = { metadata: { namespace: 'shop', name: 'web-0', uid: 'pod-uid' } };
const set = { metadata: { namespace: 'shop', name: 'web', uid: 'set-uid' } };
const rule = { metadata: { namespace: 'shop', name: 'slowly', uid: 'rule-uid' } };
const operation = { id: 'collaset', type: 'collaset-operator' };
const since = '1700000000000000000';

/** One valid sample of each declared event. */
export const samples: readonly KuperatorEvent[] = [
  podEvent('operation.requested', pod, { operation, stage: 'PreCheck', since, owner: 'web', revision: 'web-5d4f' }),
  podEvent('transition.decided', pod, {
    rule: { name: 'slowly', uid: 'rule-uid', generation: 2 },
    stage: 'PreCheck',
    passed: false,
    operations: [{ id: 'collaset', since }],
    rejections: [{ rule: 'at-most-one', reason: 'another Pod is unavailable' }],
  }),
  podEvent('traffic.closing', pod, { operation, since }),
  podEvent('traffic.off', pod, { operation, since, employer: 'Service/shop/web' }),
  podEvent('operation.permitted', pod, { operation, stage: 'Operate', since }),
  podEvent('operation.started', pod, { operation, stage: 'Operate', since, revision: 'web-5d4f' }),
  podEvent('operation.done', pod, { operation, stage: 'Operated', since }),
  podEvent('traffic.opening', pod, { since }),
  podEvent('traffic.on', pod, { since, employer: 'Service/shop/web' }),
  podEvent('operation.completed', pod, { operation, stage: 'Completed', since }),
  podEvent('operation.cancelled', pod, { operation, stage: 'Preparing', since, reason: 'Rescaled' }),
  podEvent('operation.stalled', pod, {
    operation,
    stage: 'PreCheck',
    since,
    reason: 'Stalled',
    message: 'waits for …',
  }),
  collaSetEvent('scaling', set, { generation: 3, replicas: 5, current: 3, create: 2 }),
  collaSetEvent('updating', set, { generation: 3, revision: 'web-5d4f', replicas: 5, updated: 1, begin: 1 }),
  collaSetEvent('settled', set, { generation: 3, revision: 'web-5d4f', replicas: 5, available: 5 }),
  ruleEvent('evaluated', rule, {
    generation: 2,
    observedPodResourceVersion: '812',
    targets: 5,
    passed: 1,
    rejected: 1,
  }),
];
