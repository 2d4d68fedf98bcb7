// The only file that uses the vendor's client.
import openApi, { $OpenApiUtil } from '@alicloud/openapi-core';
import { RuntimeOptions } from '@darabonba/typescript';
import type { CloudCall, SendCall } from './api.ts';
import type { CredentialSource } from './credentials.ts';
import { type Endpoint, type Product, VERSIONS } from './endpoint.ts';
import { CloudError } from './errors.ts';

// Of a CommonJS module, Node imports the module as default, and bundlers what the module calls its default.
const OpenApiClient = openApi.default ?? openApi;

export type VendorOptions = {
  readonly endpoints: Readonly<Record<Product, Endpoint>>;
  readonly region: string;
  readonly credentials: CredentialSource;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
};

/** Signs calls with signature version 3 and sends them. Repetition is the caller's. */
export function vendorClient(options: VendorOptions): SendCall {
  const { endpoints, region, credentials, connectTimeoutMs, readTimeoutMs } = options;
  const timeouts = { connectTimeout: connectTimeoutMs, readTimeout: readTimeoutMs };
  const credential = {
    async getCredential() {
      try {
        return { type: 'access_key', ...(await credentials.read()) };
      } catch (cause) {
        const message = `credentials from ${credentials.name}: ${(cause as Error).message}`;
        throw new CloudError(message, { kind: 'refused', code: 'NoCredentials', cause });
      }
    },
  };
  const clientFor = (product: Product) => {
    const { host, protocol } = endpoints[product];
    const config = new $OpenApiUtil.Config({ endpoint: host, protocol, regionId: region, credential, ...timeouts });
    return new OpenApiClient(config);
  };
  const clients = { Slb: clientFor('Slb'), Nlb: clientFor('Nlb'), Ecs: clientFor('Ecs') };
  return async ({ product, action, parameters }: CloudCall) => {
    const given = Object.entries({ RegionId: region, ...parameters }).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    );
    // NLB takes its parameters in a form, as its own client sends them: a batch of servers can be too long for a URL.
    const where = product === 'Nlb' ? 'body' : 'query';
    const request = new $OpenApiUtil.OpenApiRequest({ [where]: Object.fromEntries(given) });
    const params = new $OpenApiUtil.Params({
      action,
      version: VERSIONS[product],
      protocol: endpoints[product].protocol.toUpperCase(),
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'json',
    });
    const answer = (await clients[product].callApi(params, request, new RuntimeOptions({}))) as { body?: unknown };
    return answer.body;
  };
}
