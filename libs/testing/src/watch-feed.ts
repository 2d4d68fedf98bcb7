import type { KubeObject } from '@kuperator/api';
import { matcherOf } from './api-server.ts';
import type { ObjectStore, StoreEvent } from './object-store.ts';
import { parseRequestPath } from './request-path.ts';

type Line = { type: 'BOOKMARK' | 'ERROR'; object: unknown } | WatchLine;
/** One event of a watch. */
type WatchLine = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject };

/** The stream of one watch request, as newline-terminated JSON. */
export class WatchFeed implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  readonly #cleanups: (() => void)[] = [];
  #wake: (() => void) | undefined;
  #end: { error?: Error } | undefined;

  constructor(store: ObjectStore, path: string, signal: AbortSignal | undefined) {
    const parsed = parseRequestPath(path);
    const matches = matcherOf(parsed);
    const send = (event: StoreEvent) => {
      if (event.resource.plural !== parsed.resource.plural || event.resource.group !== parsed.resource.group) return;
      const line = asSeenBy(matches, event);
      if (line) this.#push(line);
    };
    const from = parsed.query.get('resourceVersion');
    if (parsed.query.get('sendInitialEvents') === 'true') {
      for (const object of store.list(parsed.resource)) if (matches(object)) this.#push({ type: 'ADDED', object });
      this.#push(bookmark(String(store.version), true));
    } else if (Number(from) < store.compacted) {
      this.#push({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from}` },
      });
      this.end();
      return;
    } else {
      for (const event of store.eventsAfter(Number(from))) send(event);
    }
    this.#cleanups.push(store.onEvent(send));
    const abort = () => this.end(new Error('aborted'));
    signal?.addEventListener('abort', abort, { once: true });
    this.#cleanups.push(() => signal?.removeEventListener('abort', abort));
  }

  bookmark(version: string): void {
    this.#push(bookmark(version, false));
  }

  /** Ends the stream, normally or with an error. */
  end(error?: Error): void {
    this.#end ??= error ? { error } : {};
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
      } else if (this.#end) {
        if (this.#end.error) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #push(line: Line): void {
    if (this.#end) return;
    this.#chunks.push(Buffer.from(`${JSON.stringify(line)}\n`));
    this.#wake?.();
  }
}

/** The event as a watch with these selectors gets it; undefined if the watch does not get it. */
export function asSeenBy(matches: (object: KubeObject) => boolean, event: StoreEvent): WatchLine | undefined {
  const { type, object, old, version } = event;
  const before = type !== 'ADDED' && old !== undefined && matches(old);
  const now = type !== 'DELETED' && matches(object);
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object };
  if (!before) return undefined;
  // The event contains the last state that matched, with the version of the change that ended the match.
  const last =
    type === 'DELETED' ? object : { ...old, metadata: { ...old.metadata, resourceVersion: String(version) } };
  return { type: 'DELETED', object: last };
}

function bookmark(resourceVersion: string, initialEnd: boolean): Line {
  const annotations = initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion, ...annotations } } };
}
