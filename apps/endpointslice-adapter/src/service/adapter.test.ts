import { EMPLOYER_ADAPTER_ANNOTATION, TRAFFIC_OFF_HOLD_ANNOTATION, TRAFFIC_ON_HOLD_ANNOTATION } from '@kuperator/api';
import { aService } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { refusalOf, trimService } from './adapter.ts';

test.each([
  { name: 'with a selector', spec: {}, reason: undefined },
  { name: 'headless', spec: { clusterIP: 'None' }, reason: undefined },
  { name: 'that publishes not-ready addresses', spec: { publishNotReadyAddresses: true }, reason: 'TrafficNotGated' },
  { name: 'without selector', spec: { selector: undefined }, reason: 'NoEndpoints' },
  { name: 'of type ExternalName', spec: { type: 'ExternalName' }, reason: 'NoEndpoints' },
])('a Service $name: refusal $reason', ({ spec, reason }) => {
  const service = aService({ spec });
  expect(refusalOf(service)?.reason).toBe(reason);
  expect(refusalOf(trimService(service))?.reason).toBe(reason);
});

test('a cached Service keeps the annotations that the adapter uses, and no other', () => {
  const used = {
    [EMPLOYER_ADAPTER_ANNOTATION]: 'endpointslice-adapter',
    [TRAFFIC_OFF_HOLD_ANNOTATION]: '6s',
    [TRAFFIC_ON_HOLD_ANNOTATION]: '2s',
  };
  const service = aService({ metadata: { annotations: { ...used, other: 'x' } } });
  expect(trimService(service).metadata.annotations).toEqual(used);
  expect(trimService(aService({ metadata: { annotations: { other: 'x' } } })).metadata).not.toHaveProperty(
    'annotations',
  );
});
