import { own, type Resource } from '@kuperator/api';

/** Query parameters of a request; undefined ones are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** Returns the path of a collection, e.g. `/api/v1/namespaces/default/pods`; without `namespace` that of all namespaces. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`;
  return resource.namespaced && namespace
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`
    : `${root}/${resource.plural}`;
}

/** Returns the path of one object, or of one of its subresources. */
export function objectPath(
  resource: Resource,
  ref: { namespace?: string | undefined; name: string },
  subresource?: string,
): string {
  const path = `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

/** The namespace in a path that one of these functions has made; empty if it has none. */
export function namespaceIn(path: string): string {
  const at = path.indexOf('/namespaces/');
  if (at < 0) return '';
  const from = at + '/namespaces/'.length;
  const to = path.indexOf('/', from);
  return to < 0 ? '' : path.slice(from, to);
}

/** Returns `?a=1&b=2`, without undefined values; empty if none is left. */
export function queryString(query: Query | undefined): string {
  if (!query) return '';
  let text = '';
  for (const name in query) {
    const value = own(query, name);
    if (value !== undefined) text += `${text ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}
