import type { KubeObject, Resource } from '@kuperator/api';
import type { KubeClient } from '../client/client.ts';
import { apiErrorFor, type StatusDetails } from '../client/errors.ts';
import { parseObject } from '../client/object-json.ts';
import { collectionPath, type Query } from '../client/paths.ts';
import { linesOf } from './json-lines.ts';

type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Everything up to `version` has been sent; `initialEnd` if that completes the initial state. */
  | { type: 'BOOKMARK'; version: string; initialEnd: boolean };

export type WatchScope = {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
};

const INITIAL_END_ANNOTATION = 'k8s.io/initial-events-end';

/**
 * Yields the events of one watch request until the server ends it. Without `from` the initial state comes first, as ADDED events that
 * end with a bookmark with `initialEnd` (WatchList).
 * @throws GoneError when `from` is too old, also in mid-stream; InvalidError when the server has no WatchList
 * @see KEP-3157 "watch-list"
 */
export async function* watchEvents<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  options: {
    scope: WatchScope;
    from?: string | undefined;
    signal: AbortSignal;
    /** Called when the server has accepted the watch. */
    onOpen: () => void;
    onBytes: () => void;
  },
): AsyncGenerator<WatchEvent<T>> {
  const { scope, from, signal, onOpen, onBytes } = options;
  const query: Query = {
    watch: 1,
    allowWatchBookmarks: true,
    // Ends before a load balancer cuts the connection; the random part keeps watches from ending together.
    timeoutSeconds: Math.round(300 + Math.random() * 300),
    labelSelector: scope.labelSelector,
    fieldSelector: scope.fieldSelector,
    ...(from === undefined
      ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      : { resourceVersion: from }),
  };
  const path = collectionPath(resource, scope.namespace);
  const chunks = await client.stream(path, { query, signal, resource });
  onOpen();
  for await (const line of linesOf(noting(chunks, onBytes))) {
    const event = parseObject(line) as { type: string; object: T };
    if (event.type === 'BOOKMARK') {
      const { resourceVersion = '', annotations } = event.object.metadata;
      yield {
        type: 'BOOKMARK',
        version: resourceVersion,
        initialEnd: annotations?.[INITIAL_END_ANNOTATION] === 'true',
      };
    } else if (event.type === 'ADDED' || event.type === 'MODIFIED' || event.type === 'DELETED') {
      yield { type: event.type, object: event.object };
    } else {
      throw errorOf(path, event.object);
    }
  }
}

async function* noting(chunks: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onBytes();
    yield chunk;
  }
}

function errorOf(path: string, object: unknown): Error {
  const status = object as { code?: number; reason?: string; message?: string; details?: StatusDetails };
  return apiErrorFor(
    `watching ${path}`,
    { status: status.code ?? 500, reason: status.reason ?? '', details: status.details },
    status.message ?? '',
  );
}
