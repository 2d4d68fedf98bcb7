import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, integer, optionalText, text } from '@kuperator/runtime';

/** Settings of the adapter, besides the common ones. The names of the first three are those of the Go implementation. */
export const declaration = defineConfig({
  ...commonConfig,
  ...natsConfig,
  aliyunSlbAkKey: optionalText({ meaning: 'id of an access key of Alibaba Cloud' }),
  aliyunSlbAkSecret: optionalText({ meaning: 'secret of the access key', secret: true }),
  aliyunSlbEndpoint: text({
    meaning: 'endpoint of the Slb API, a host or a URL; empty: slb.<region>.aliyuncs.com',
    default: '',
  }),
  aliyunSlbStsToken: optionalText({ meaning: 'security token, if the access key is a temporary one', secret: true }),
  aliyunCredentialsDir: optionalText({
    meaning:
      'folder with the files access-key-id, access-key-secret and perhaps security-token; changes of the files apply within seconds',
  }),
  aliyunRegion: text({
    meaning: 'region of the load balancers, e.g. cn-hangzhou; empty: the one that ALIYUN_SLB_ENDPOINT names',
    default: '',
  }),
  aliyunNlbEndpoint: text({ meaning: 'endpoint of the Nlb API; empty: nlb.<region>.aliyuncs.com', default: '' }),
  aliyunEcsEndpoint: text({
    meaning: 'endpoint of the Ecs API, which finds the network interface of a Pod; empty: ecs.<region>.aliyuncs.com',
    default: '',
  }),
  aliyunStsEndpoint: optionalText({
    meaning: 'host of the STS API, for a RAM role; default sts.<region>.aliyuncs.com',
  }),
  alibabaCloudRoleArn: optionalText({ meaning: 'RAM role of the ServiceAccount, as RRSA sets it' }),
  alibabaCloudOidcProviderArn: optionalText({ meaning: 'OIDC provider of the cluster, as RRSA sets it' }),
  alibabaCloudOidcTokenFile: optionalText({ meaning: 'token of the ServiceAccount, as RRSA mounts it' }),
  aliyunConnectTimeoutMs: integer({
    meaning: 'how long to wait for a connection to the cloud, in milliseconds',
    min: 100,
    max: 60_000,
    default: 5000,
  }),
  aliyunReadTimeoutMs: integer({
    meaning: 'how long to wait for an answer of the cloud, in milliseconds',
    min: 100,
    max: 60_000,
    default: 10_000,
  }),
  aliyunQuotaPercent: integer({
    meaning:
      'part of the limits that Alibaba Cloud sets for each API which all replicas together may use, in percent; the cloud-controller-manager uses the same limits',
    min: 1,
    max: 100,
    default: 50,
  }),
  aliyunBatchSize: integer({
    meaning: 'servers in one call that adds, changes or removes them',
    min: 1,
    max: 40,
    default: 20,
  }),
  aliyunManagedLoadBalancers: text({
    meaning:
      'load balancers whose backends Services in mode "managed" may have: <namespace>/<load balancer>, each of which may be *, separated by commas',
    default: '',
  }),
  aliyunReadIntervalMs: integer({
    meaning: 'least time between two reads of the same list of a load balancer, in milliseconds',
    min: 0,
    max: 60_000,
    default: 500,
  }),
  batchMs: integer({
    meaning: 'least time between two passes over one Service, in milliseconds; the first is immediate',
    min: 0,
    max: 60_000,
    default: 200,
  }),
  trafficOffHoldMs: integer({
    meaning:
      'how long a load balancer must have shown a Pod without traffic before its traffic counts as off, in milliseconds: its nodes follow the API; a Service may say otherwise',
    min: 0,
    max: 600_000,
    default: 2000,
  }),
  trafficOnHoldMs: integer({
    meaning:
      'how long a load balancer must have shown a Pod with traffic before its traffic counts as on, in milliseconds; a Service may say otherwise',
    min: 0,
    max: 600_000,
    default: 0,
  }),
  resyncSeconds: integer({
    meaning: 'how often every Service is checked even without a change, in seconds',
    min: 10,
    max: 86_400,
    default: 600,
  }),
});

export type Config = ConfigOf<typeof declaration>;
