import credentials, { Config as CredentialConfig } from '@alicloud/credentials';
import openApi, { $OpenApiUtil, OpenApiUtil } from '@alicloud/openapi-core';
import { RuntimeOptions } from '@darabonba/typescript';
import type { AccessKey } from './api/authentication.ts';
import type { Product } from './api/request.ts';

export type VendorClientOptions = {
  /** Host and port; the protocol is `http`. */
  endpoint: string;
  account: AccessKey;
  regionId?: string;
  /** `v2` makes the client sign with version 1 of the RPC signature; default is version 3. */
  signatureAlgorithm?: 'ACS3-HMAC-SHA256' | 'v2';
  readTimeoutMs?: number;
  /** Where parameters are sent; default `query`. */
  parametersIn?: 'query' | 'body';
  /** Headers to send in place of the client's own. */
  headers?: Record<string, string>;
};

/** One call. Lists and objects among `parameters` are written as the RPC style wants them. */
export type VendorCall = (
  product: Product,
  action: string,
  parameters?: Readonly<Record<string, unknown>>,
) => Promise<VendorAnswer>;

/** The body of an answer, as JSON says it. */
export type VendorAnswer = Readonly<Record<string, unknown>>;

// For Node, the default import of these CommonJS modules is the module; for Vitest, it is what the module calls its default.
const Credential = credentials.default ?? credentials;
const OpenApiClient = openApi.default ?? openApi;

const VERSIONS: Readonly<Record<Product, string>> = { Slb: '2014-05-15', Nlb: '2022-04-30', Ecs: '2014-05-26' };

/**
 * The vendor's generic client, without retries.
 * The promise of a call is rejected with the client's error, whose `code` is that of the answer.
 */
export function vendorClient(options: VendorClientOptions): VendorCall {
  const { endpoint, account, regionId = 'cn-hangzhou', signatureAlgorithm, readTimeoutMs = 10_000 } = options;
  const { parametersIn = 'query', headers = {} } = options;
  const { accessKeyId, accessKeySecret, securityToken } = account;
  const credential = new Credential(
    new CredentialConfig({
      type: securityToken === undefined ? 'access_key' : 'sts',
      accessKeyId,
      accessKeySecret,
      ...(securityToken === undefined ? {} : { securityToken }),
    }),
  );
  const client = new OpenApiClient(
    new $OpenApiUtil.Config({
      credential,
      endpoint,
      regionId,
      protocol: 'http',
      ...(signatureAlgorithm === undefined ? {} : { signatureAlgorithm }),
    }),
  );
  return async (product, action, parameters = {}) => {
    const params = new $OpenApiUtil.Params({
      action,
      version: VERSIONS[product],
      protocol: 'http',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      bodyType: 'json',
      reqBodyType: 'formData',
    });
    const values = OpenApiUtil.query({ RegionId: regionId, ...parameters });
    const request = new $OpenApiUtil.OpenApiRequest({ headers, [parametersIn]: values });
    const runtime = new RuntimeOptions({ connectTimeout: 5000, readTimeout: readTimeoutMs });
    const answer = await client.callApi(params, request, runtime);
    return answer.body as VendorAnswer;
  };
}
