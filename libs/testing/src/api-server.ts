import { type KubeObject, keyOf, own, type Pod } from '@kuperator/api';
import { compileLabelSelector, type TransportRequest, type TransportResponse } from '@kuperator/runtime';
import { ApiFailure } from './api-failure.ts';
import { type JsonPatchOperation, jsonPatch } from './json-patch.ts';
import { isJsonObject, type Json, mergePatch } from './merge-patch.ts';
import type { ObjectStore } from './object-store.ts';
import { parseRequestPath, type RequestPath } from './request-path.ts';
import { strategicMergePatch } from './strategic-merge-patch.ts';

type WithStatus = KubeObject & { status?: unknown };
type Preconditions = { uid?: string; resourceVersion?: string };

/** Answers one request like kube-apiserver, as far as our operators depend on it. */
export function answer(store: ObjectStore, request: TransportRequest): TransportResponse {
  try {
    const path = parseRequestPath(request.path, request.method);
    const body = request.body === undefined ? undefined : (JSON.parse(request.body) as Json);
    const result = handle(store, request, path, body);
    return { status: request.method === 'POST' ? 201 : 200, headers: {}, body: JSON.stringify(result) };
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return { status: error.status, headers: {}, body: JSON.stringify(error.toStatus()) };
  }
}

function handle(store: ObjectStore, request: TransportRequest, path: RequestPath, body: Json | undefined): object {
  switch (request.method) {
    case 'GET':
      return path.name === undefined ? list(store, path) : present(store, path);
    case 'POST':
      return create(store, path, body as KubeObject);
    case 'PUT':
      return update(store, path, present(store, path), body as KubeObject);
    case 'PATCH':
      return patch(store, path, request.contentType ?? '', body ?? null);
    case 'DELETE':
      return remove(store, path, (body ?? {}) as { gracePeriodSeconds?: number; preconditions?: Preconditions });
    default:
      throw new ApiFailure(405, 'MethodNotAllowed', request.method);
  }
}

/** True if the object is in the namespace of the request and matches its selectors. */
export function matcherOf(path: RequestPath): (object: KubeObject) => boolean {
  const labels = compileLabelSelector(path.query.get('labelSelector') ?? undefined);
  const fields = (path.query.get('fieldSelector') ?? '').split(',').filter((term) => term !== '');
  return (object) =>
    (path.namespace === undefined || object.metadata.namespace === path.namespace) &&
    labels(object.metadata.labels) &&
    fields.every((term) => {
      const [, field = '', operator, value = ''] = /^([^!=]+)(==?|!=)(.*)$/.exec(term) ?? [];
      const actual = field
        .split('.')
        .reduce<unknown>((at, part) => (isJsonObject(at) ? own(at, part) : undefined), object);
      return (String(actual ?? '') === value) === (operator !== '!=');
    });
}

function list(store: ObjectStore, path: RequestPath): object {
  const items = store.list(path.resource).filter(matcherOf(path));
  return { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: String(store.version) }, items };
}

function present(store: ObjectStore, path: RequestPath): KubeObject {
  const object = store.get(path.resource, keyFor(path));
  if (!object) throw new ApiFailure(404, 'NotFound', `${path.resource.plural} "${path.name}" not found`);
  return object;
}

function create(store: ObjectStore, path: RequestPath, given: KubeObject): KubeObject {
  if (given.metadata.resourceVersion) {
    throw new ApiFailure(400, 'BadRequest', 'resourceVersion should not be set on objects to be created');
  }
  const { uid: _uid, creationTimestamp: _created, generation: _generation, ...metadata } = given.metadata;
  const { status: _status, ...rest } = given as WithStatus;
  const status = path.resource.kind === 'Pod' ? { status: { phase: 'Pending' } } : {};
  const object = { ...(hasStatus(path) ? { ...rest, ...status } : given), metadata: namespaced(metadata, path) };
  if (path.query.get('dryRun')) return { ...object, metadata: { ...object.metadata, uid: 'dry-run' } };
  return store.create(path.resource, object);
}

function update(store: ObjectStore, path: RequestPath, old: KubeObject, given: KubeObject): KubeObject {
  check(path, old, given.metadata);
  const after = stateAfter(path, old, given);
  return path.query.get('dryRun') ? after : store.update(path.resource, keyFor(path), after);
}

/** The status subresource changes only the status (and the metadata of Pods). Other writes change everything except the status. */
function stateAfter(path: RequestPath, old: WithStatus, given: WithStatus): KubeObject {
  if (!hasStatus(path)) return given;
  if (path.subresource === 'resize') return resized(old as Pod, given as Pod);
  if (path.subresource !== 'status') return withStatus(given, old.status);
  // See podStatusStrategy and customresource statusStrategy in k8s.io/kubernetes and apiextensions-apiserver.
  const { ownerReferences: _, ...metadata } = given.metadata;
  const { ownerReferences } = old.metadata;
  const kept =
    path.resource.kind === 'Pod' ? { ...metadata, ...(ownerReferences ? { ownerReferences } : {}) } : old.metadata;
  return withStatus({ ...old, metadata: kept }, given.status);
}

/** `pods/resize` changes the resources of containers and nothing else, not even labels. */
function resized(old: Pod, given: Pod): Pod {
  const resources = new Map(
    [...given.spec.containers, ...(given.spec.initContainers ?? [])].map((container) => [
      container.name,
      container.resources ?? {},
    ]),
  );
  const resize = (container: Pod['spec']['containers'][number]) => ({
    ...container,
    resources: resources.get(container.name) ?? {},
  });
  const { containers, initContainers } = old.spec;
  const init = initContainers ? { initContainers: initContainers.map(resize) } : {};
  return { ...old, spec: { ...old.spec, containers: containers.map(resize), ...init } };
}

function withStatus(object: WithStatus, status: unknown): KubeObject {
  const { status: _, ...rest } = object;
  return status === undefined ? rest : ({ ...rest, status } as KubeObject);
}

function patch(store: ObjectStore, path: RequestPath, contentType: string, body: Json): KubeObject {
  const builtIn = !path.resource.group.includes('kusionstack.io');
  if (contentType.includes('apply-patch')) {
    const old = store.get(path.resource, keyFor(path));
    const target = (old ?? { metadata: { name: path.name } }) as unknown as Json;
    const given = (builtIn ? strategicMergePatch(target, body) : mergePatch(target, body)) as unknown as KubeObject;
    return old ? update(store, path, old, given) : create(store, path, given);
  }
  const old = present(store, path);
  const target = old as unknown as Json;
  if (contentType.includes('strategic-merge-patch')) {
    if (!builtIn) throw new ApiFailure(415, 'UnsupportedMediaType', 'strategic merge patch on a custom resource');
    return update(store, path, old, strategicMergePatch(target, body) as unknown as KubeObject);
  }
  if (contentType.includes('merge-patch')) {
    return update(store, path, old, mergePatch(target, body) as unknown as KubeObject);
  }
  try {
    const patched = jsonPatch(target, body as unknown as JsonPatchOperation[]);
    return update(store, path, old, patched as unknown as KubeObject);
  } catch (error) {
    throw error instanceof ApiFailure ? error : new ApiFailure(422, 'Invalid', String(error));
  }
}

function remove(
  store: ObjectStore,
  path: RequestPath,
  options: { gracePeriodSeconds?: number; preconditions?: Preconditions },
): object {
  const old = present(store, path);
  check(path, old, options.preconditions ?? {});
  const { object, gone } = store.delete(path.resource, keyFor(path), options.gracePeriodSeconds);
  // The response contains a Pod even if it is gone. For other kinds it is a Status only.
  return gone && path.resource.kind !== 'Pod'
    ? { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }
    : object;
}

function check(path: RequestPath, old: KubeObject, { uid, resourceVersion }: Preconditions): void {
  const what = `${path.resource.plural} "${path.name}"`;
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    throw new ApiFailure(409, 'Conflict', `${what}: the object has been modified`);
  }
  if (uid !== undefined && uid !== old.metadata.uid) {
    // Observed on 1.36: the uid is a precondition for PUT and DELETE, and an immutable field for PATCH.
    if (path.method === 'PATCH') throw new ApiFailure(422, 'Invalid', `${what}: metadata.uid: field is immutable`);
    throw new ApiFailure(409, 'Conflict', `${what}: uid ${uid} is not ${old.metadata.uid}`);
  }
}

function hasStatus({ resource }: RequestPath): boolean {
  const builtIn = ['pods', 'services', 'persistentvolumeclaims'].includes(resource.plural);
  return builtIn || (resource.group === 'apps.kusionstack.io' && resource.plural !== 'resourcecontexts');
}

function namespaced(metadata: KubeObject['metadata'], path: RequestPath): KubeObject['metadata'] {
  return path.namespace === undefined ? metadata : { ...metadata, namespace: path.namespace };
}

function keyFor({ namespace, name = '' }: RequestPath): string {
  return keyOf({ metadata: { name, ...(namespace === undefined ? {} : { namespace }) } });
}
