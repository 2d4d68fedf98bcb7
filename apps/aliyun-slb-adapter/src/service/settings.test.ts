import { aService } from '@kuperator/testing';
import { expect, test } from 'vitest';
import { isBalanced, trimService } from './adapter.ts';
import { recordedPlaces, SERVERS_IN } from './places.ts';
import {
  CLOUD_HEALTH_CHECK,
  CLOUD_ID,
  CLOUD_ID_LABEL,
  DRAIN_TIME,
  LOAD_BALANCER_ID,
  MODE,
  PRODUCT,
  REMOVE_LAST,
  SERVER_GROUPS,
  settingsOf,
  WEIGHT,
} from './settings.ts';

const MANAGED = { [MODE]: 'managed', [LOAD_BALANCER_ID]: 'lb-1', [SERVER_GROUPS]: 'http:rsp-1' };
const PORTS = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'https', port: 443, targetPort: 'tls' },
];

function service(annotations: Record<string, string> = {}, { labels = {}, spec = {} } = {}) {
  return aService({ metadata: { annotations, labels }, spec: { ports: PORTS, ...spec } });
}

test.each([
  { name: 'nothing', of: service(), expected: { product: 'clb', loadBalancer: undefined, hasHealthCheck: true } },
  {
    name: 'the label of the cloud controller',
    of: service({}, { labels: { [CLOUD_ID_LABEL]: 'lb-9' } }),
    expected: { loadBalancer: 'lb-9' },
  },
  {
    name: 'the annotation of an existing one',
    of: service({ [CLOUD_ID]: 'lb-8' }),
    expected: { loadBalancer: 'lb-8' },
  },
  {
    name: 'the class of an NLB',
    of: service({}, { spec: { type: 'LoadBalancer', loadBalancerClass: 'alibabacloud.com/nlb' } }),
    expected: { product: 'nlb' },
  },
  { name: 'no health check', of: service({ [CLOUD_HEALTH_CHECK]: 'off' }), expected: { hasHealthCheck: false } },
  {
    name: 'managed groups',
    of: service({ ...MANAGED, [SERVER_GROUPS]: 'http:rsp-1, 443:rsp-2', [DRAIN_TIME]: '1m30s', [WEIGHT]: '7' }),
    expected: {
      managed: {
        groups: [
          { group: 'rsp-1', targetPort: 8080 },
          { group: 'rsp-2', targetPort: 'tls' },
        ],
        drainMs: 90_000,
        weight: 7,
        removesLast: false,
      },
    },
  },
])('a Service with $name is read, before and after the cache has trimmed it', ({ of, expected }) => {
  for (const read of [of, trimService(of)]) {
    expect(settingsOf(read).settings).toMatchObject(expected);
    expect(settingsOf(read).problems).toEqual([]);
  }
});

test.each([
  { annotation: MODE, value: 'own', allowed: 'observe, managed or off' },
  { annotation: PRODUCT, value: 'alb', allowed: 'clb or nlb' },
  { annotation: SERVER_GROUPS, value: 'http', allowed: 'http:rsp-abc' },
  { annotation: SERVER_GROUPS, value: 'grpc:rsp-1', allowed: '<port of the Service>' },
  { annotation: SERVER_GROUPS, value: 'http:rsp-1,https:rsp-1', allowed: '<server group>' },
  { annotation: DRAIN_TIME, value: '11m', allowed: '0s to 10m' },
  { annotation: WEIGHT, value: '0', allowed: '1 to 100' },
  { annotation: WEIGHT, value: '101', allowed: '1 to 100' },
  { annotation: REMOVE_LAST, value: 'yes', allowed: 'true or false' },
  { annotation: LOAD_BALANCER_ID, value: '', allowed: 'names the load balancer' },
])('$annotation: $value is a problem that names the annotation and what is allowed', ({
  annotation,
  value,
  allowed,
}) => {
  const { problems } = settingsOf(service({ ...MANAGED, [annotation]: value }));
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toContain(annotation);
  expect(problems[0]?.message).toContain(allowed);
});

test.each([
  '',
  'alibabacloud.com/nlb',
  'alibabacloud.com/clb',
])('managed is refused where the cloud controller moves the backends: class "%s"', (loadBalancerClass) => {
  const of = service(MANAGED, { spec: { type: 'LoadBalancer', ...(loadBalancerClass ? { loadBalancerClass } : {}) } });
  const { settings, problems } = settingsOf(of);
  expect(settings.managed).toBeUndefined();
  expect(problems.map(({ reason }) => reason)).toEqual(['ManagedByCloudController']);
  const other = service(MANAGED, { spec: { type: 'LoadBalancer', loadBalancerClass: 'example.com/own' } });
  expect(settingsOf(other).problems).toEqual([]);
});

test('only Services that Alibaba Cloud balances are claimed, also after a user has removed the annotations', () => {
  expect(isBalanced(service())).toBe(false);
  expect(isBalanced(service({}, { spec: { type: 'LoadBalancer' } }))).toBe(true);
  expect(isBalanced(service({}, { spec: { type: 'LoadBalancer', loadBalancerClass: 'example.com/own' } }))).toBe(false);
  expect(isBalanced(service({ [LOAD_BALANCER_ID]: 'lb-1' }))).toBe(true);
  expect(isBalanced(service({ [LOAD_BALANCER_ID]: 'lb-1', [MODE]: 'off' }))).toBe(false);
  const left = service({ [SERVERS_IN]: 'clb/lb-1/rsp-1,nlb/nlb-2/sgp-3,rubbish,alb/x/y' });
  expect(isBalanced(trimService(left))).toBe(true);
  expect(recordedPlaces(trimService(left))).toEqual([
    { product: 'clb', loadBalancer: 'lb-1', group: 'rsp-1' },
    { product: 'nlb', loadBalancer: 'nlb-2', group: 'sgp-3' },
  ]);
});
