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
  /** The first matching write to fail, counted from now; default 1. */
  nth?: number;
  /** How many fail from there on; default 1. */
  times?: number;
  verb?: WriteVerb;
  /** Plural of the kind. */
  resource?: string;
  /** True: only dry runs fail. Default false: only writes that would change something. */
  dryRun?: boolean;
  matching?: (write: Write) => boolean;
  /** What others do just before, e.g. delete what is about to be written. */
  before?: (write: Write) => void;
  /** The answer, or `connection` for none. */
  error: { status: number; reason: string; message?: string; retryAfterSeconds?: number } | 'connection';
  /** Whether the write takes effect nevertheless: an answer lost on the way. Default false. */
  takesEffect?: boolean;
};

const VERBS: Record<string, WriteVerb> = { POST: 'create', PUT: 'replace', PATCH: 'patch', DELETE: 'delete' };

/** What a request writes, or would; undefined for reads. */
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
    // Few look at it.
    get body() {
      return body();
    },
    isDryRun,
  };
}

/** The faults still to come; each counts the writes it matches. */
export class Faults {
  readonly #pending: { fault: Fault; seen: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, seen: 0 });
  }

  clear(): void {
    this.#pending.length = 0;
  }

  /** The fault that befalls this write, if any. */
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
