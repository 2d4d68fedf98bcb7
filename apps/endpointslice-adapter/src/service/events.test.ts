import { stageLabel } from '@kuperator/api';
import { aPod } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { trafficEvent } from './events.ts';

test('an event names the Pod, the Service and the operation', () => {
  const labels = { [stageLabel('operating', 'collaset')]: '1', [stageLabel('operation-type', 'collaset')]: 'update' };
  const pod = aPod({ metadata: { name: 'a', uid: 'uid-a', labels } });
  const change = {
    traffic: 'off',
    employer: 'Service/default/web',
    finalizer: 'f',
    before: pod,
    pod,
    nanos: '9',
  } as const;
  expect(trafficEvent(change)).toMatchObject({
    kind: 'pod',
    event: 'traffic.off',
    namespace: 'default',
    name: 'a',
    data: {
      uid: 'uid-a',
      operation: { id: 'collaset', type: 'update' },
      since: '9',
      employer: 'Service/default/web',
      finalizer: 'f',
    },
  });
});
