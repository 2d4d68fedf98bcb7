import type { Resource } from '@kuperator/api';
import { ApiFailure } from './api-failure.ts';

export type RequestPath = {
  method: string;
  resource: Resource;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
  query: URLSearchParams;
};

/** Parses `/apis/<group>/<version>/namespaces/<namespace>/<plural>/<name>/<subresource>?…`. */
export function parseRequestPath(path: string, method = 'GET'): RequestPath {
  const url = new URL(path, 'http://in-memory');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') throw new ApiFailure(404, 'NotFound', `no such path: ${path}`);
  const group = root === 'apis' ? (parts.shift() ?? '') : '';
  const version = parts.shift() ?? '';
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = parts;
  const resource = { group, version, plural, kind: kindOf(plural), namespaced: namespace !== undefined };
  return { method, resource, namespace, name, subresource, query: url.searchParams };
}

/** This is good enough, because only the special treatment of Pods depends on the kind. */
function kindOf(plural: string): string {
  return plural === 'pods' ? 'Pod' : plural;
}
