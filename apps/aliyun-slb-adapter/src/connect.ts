import { type Clock, ConfigError, type Metrics } from '@kuperator/runtime';
import { CloudApi } from './cloud/api.ts';
import { credentialSource } from './cloud/credentials.ts';
import { defaultEndpoint, type Endpoint, endpointOf, type Product, regionIn } from './cloud/endpoint.ts';
import { limitOf } from './cloud/limits.ts';
import { RateLimiter } from './cloud/rate-limiter.ts';
import { vendorClient } from './cloud/vendor-client.ts';
import type { Config } from './config.ts';

/**
 * The cloud's API as the settings name it.
 * @param replicas number of live replicas, which share the limits
 * @throws ConfigError naming the setting that is missing or wrong
 */
export function connectCloud(
  config: Config,
  { clock, metrics, replicas }: { readonly clock: Clock; readonly metrics: Metrics; readonly replicas: () => number },
): CloudApi {
  const slb = given('ALIYUN_SLB_ENDPOINT', config.aliyunSlbEndpoint);
  const region = config.aliyunRegion || (slb && regionIn(slb));
  if (!region) {
    throw new ConfigError(
      'ALIYUN_REGION is not set, and ALIYUN_SLB_ENDPOINT names no region: set the region of the load balancers, e.g. cn-hangzhou',
    );
  }
  if (!/^[a-z]{2}(-[a-z0-9]+)+$/.test(region)) {
    throw new ConfigError(
      `ALIYUN_REGION is ${JSON.stringify(region)}: allowed is the id of a region, e.g. cn-hangzhou`,
    );
  }
  const endpoint = (product: Product, found: Endpoint | undefined) => found ?? defaultEndpoint(product, region);
  const send = vendorClient({
    endpoints: {
      Slb: endpoint('Slb', slb),
      Nlb: endpoint('Nlb', given('ALIYUN_NLB_ENDPOINT', config.aliyunNlbEndpoint)),
      Ecs: endpoint('Ecs', given('ALIYUN_ECS_ENDPOINT', config.aliyunEcsEndpoint)),
    },
    region,
    credentials: sourceOf(
      { ...config, aliyunStsEndpoint: config.aliyunStsEndpoint ?? `sts.${region}.aliyuncs.com` },
      clock,
    ),
    connectTimeoutMs: config.aliyunConnectTimeoutMs,
    readTimeoutMs: config.aliyunReadTimeoutMs,
  });
  const share = () => config.aliyunQuotaPercent / 100 / Math.max(1, replicas());
  return new CloudApi({ send, limiter: new RateLimiter({ limitOf, share, clock }), clock, metrics });
}

function given(variable: string, text: string): Endpoint | undefined {
  if (!text) return undefined;
  const endpoint = endpointOf(text);
  if (!endpoint) {
    throw new ConfigError(
      `${variable} is ${JSON.stringify(text)}: allowed is a host, e.g. slb.cn-hangzhou.aliyuncs.com, or a URL without a path`,
    );
  }
  return endpoint;
}

function sourceOf(config: Config, clock: Clock) {
  try {
    return credentialSource(config, () => clock.monotonic());
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}
