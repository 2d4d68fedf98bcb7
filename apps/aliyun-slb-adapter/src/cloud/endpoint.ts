/** The products of the cloud that the adapter calls, by the name that their API has. */
export type Product = 'Slb' | 'Nlb' | 'Ecs';

export const VERSIONS: Readonly<Record<Product, string>> = {
  Slb: '2014-05-15',
  Nlb: '2022-04-30',
  Ecs: '2014-05-26',
};

export type Endpoint = { readonly protocol: 'https' | 'http'; readonly host: string };

/**
 * The endpoint that a setting names: a host, or a URL for tests and private gateways.
 * @returns undefined if the text is neither
 */
export function endpointOf(text: string): Endpoint | undefined {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  if (url.pathname !== '/' || url.search || url.hash || url.username || !url.host) return undefined;
  return { protocol: url.protocol === 'http:' ? 'http' : 'https', host: url.host };
}

/** The region that is part of a regional endpoint, e.g. `slb.cn-hangzhou.aliyuncs.com`; undefined for another one. */
export function regionIn({ host }: Endpoint): string | undefined {
  return /^(?:slb|nlb|ecs)(?:-vpc)?\.([a-z]{2}(?:-[a-z0-9]+)+)\.aliyuncs\.com$/.exec(host)?.[1];
}

export function defaultEndpoint(product: Product, region: string): Endpoint {
  return { protocol: 'https', host: `${product.toLowerCase()}.${region}.aliyuncs.com` };
}
