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
