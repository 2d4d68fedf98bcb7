import { own } from '@kuperator/api';
import type { TransportRequest } from '@kuperator/runtime';
import { parseRequestPath } from './request-path.ts';

type WriteVerb = 'create' | 'replace' | 'patch' | 'delete';

/** One write as it reached the in-memory API server. */
export type Write = {
  verb: WriteVerb;
  /** Plural of the kind, e.g. `pods`. */
  resource: string;
  namespace: string | undefined;
  /** Undefined for a create with generateName. */
  name: string | undefined;
  subresource: string | undefined;
  body: unknown;
  isDryRun: boolean;
};

/** Which writes fail, and how. */
export type Fault = {
  /** Number of the first matching write that fails, counted from now; default 1. */
  nth?: number;
  /** How many writes fail from there on; default 1. */
  times?: number;
  verb?: WriteVerb;
  /** Plural of the kind. */
  resource?: string;
  /** True: only dry runs fail. False, the default: only real writes fail. */
  dryRun?: boolean;
  matching?: (write: Write) => boolean;
  /** Runs just before the write, as another client would, e.g. deletes the object. */
  before?: (write: Write) => void;
  /** The error response, or `connection` for no response. */
  error: { status: number; reason: string; message?: string; retryAfterSeconds?: number } | 'connection';
  /** True if the write takes effect all the same, as if the response was lost. Default false. */
  takesEffect?: boolean;
};

const VERBS: Record<string, WriteVerb> = { POST: 'create', PUT: 'replace', PATCH: 'patch', DELETE: 'delete' };

/** The write of a request, also of a dry run; undefined for reads. */
export function writeOf(request: TransportRequest): Write | undefined {
  const verb = own(VERBS, request.method);
  if (!verb) return undefined;
  const { resource, namespace, name, subresource, query } = parseRequestPath(request.path);
  const isDryRun = query.get('dryRun') !== null;
  const text = request.body;
  const body = () => (text === undefined ? undefined : (JSON.parse(text) as { metadata?: { name?: string } }));
  return {
    verb,
    resource: resource.plural,
    namespace,
    name: name ?? body()?.metadata?.name,
    subresource,
    // Parsed on demand, because few tests read it.
    get body() {
      return body();
    },
    isDryRun,
  };
}

/** The faults that have not occurred yet. Each counts the writes that it matches. */
export class Faults {
  readonly #pending: { fault: Fault; seen: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, seen: 0 });
  }

  clear(): void {
    this.#pending.length = 0;
  }

  /** The fault of this write, if there is one. */
  next(write: Write): Fault | undefined {
    for (const [index, pending] of this.#pending.entries()) {
      const { fault } = pending;
      const { verb = write.verb, resource = write.resource, nth = 1, times = 1 } = fault;
      if ((fault.dryRun ?? false) !== write.isDryRun) continue;
      if (verb !== write.verb || resource !== write.resource || fault.matching?.(write) === false) continue;
      pending.seen++;
      if (pending.seen < nth) continue;
      if (pending.seen >= nth + times - 1) this.#pending.splice(index, 1);
      return fault;
    }
    return undefined;
  }
}
