import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error.ts';
import { Parameters } from './parameters.ts';

/** The products that balance load, by the names of their APIs. */
export type BalancerProduct = 'Slb' | 'Nlb';

/** All products that the server offers. */
export type Product = BalancerProduct | 'Ecs';

/** A request as it arrived, which the signature covers. */
export type RawRequest = {
  method: string;
  /** Path and query, as sent. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
};

/** A request whose action is known. */
export type ApiRequest = RawRequest & { product: Product; action: string; parameters: Parameters };

const PRODUCTS: ReadonlyMap<string, Product> = new Map([
  ['2014-05-15', 'Slb'],
  ['2022-04-30', 'Nlb'],
  ['2014-05-26', 'Ecs'],
]);

/**
 * Finds the action and its parameters. With signature v3 the action is in a header, with v1 it is a parameter.
 * @throws ApiError if the action or its version is missing or not offered
 */
export function parseRequest(raw: RawRequest): ApiRequest {
  const parameters = new Parameters(pairsOf(raw));
  const action = headerOf(raw, 'x-acs-action') ?? parameters.required('Action');
  const version = headerOf(raw, 'x-acs-version') ?? parameters.required('Version');
  const product = PRODUCTS.get(version);
  if (!product) throw new ApiError(400, 'InvalidVersion', 'Specified parameter Version is not valid.');
  return { ...raw, product, action, parameters };
}

/** The parameters in the query and in a form body, decoded, in the order of the request. */
export function pairsOf(raw: RawRequest): [string, string][] {
  const query = new URLSearchParams(queryOf(raw));
  const isForm = headerOf(raw, 'content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  const form = new URLSearchParams(isForm ? raw.body.toString('utf8') : '');
  return [...query, ...form];
}

/** The query as sent, without the question mark. */
export function queryOf(raw: RawRequest): string {
  const start = raw.url.indexOf('?');
  return start < 0 ? '' : raw.url.slice(start + 1);
}

/** One header, if it is present exactly once and not empty. */
export function headerOf(raw: RawRequest, name: string): string | undefined {
  const value = new Map(Object.entries(raw.headers)).get(name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
