import { apiVersionOf, type KubeList, type KubeObject, type Resource } from '@kuperator/api';
import type { Counter, Histogram } from 'prom-client';
import { type Clock, sleep, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Metrics } from '../process/metrics.ts';
import {
  AbortedError,
  ApiError,
  apiErrorFor,
  ConnectionError,
  SlotTimeoutError,
  type StatusDetails,
} from './errors.ts';
import { HttpTransport } from './http-transport.ts';
import { InFlight, type Ticket } from './in-flight.ts';
import { messageOf } from './logged-error.ts';
import { parseObject } from './object-json.ts';
import { passSignal } from './pass-signal.ts';
import { collectionPath, namespaceIn, objectPath, type Query, queryString } from './paths.ts';
import type { Transport, TransportResponse, TransportStream } from './transport.ts';

/** Name of an object; `namespace` is left out for cluster-scoped ones. */
type Ref = { namespace?: string | undefined; name: string };

/** A change of an object, in one of the four patch formats of the API server. */
export type Patch = (
  | { type: 'merge' | 'strategic'; body: object }
  | { type: 'json'; body: readonly object[] }
  | { type: 'apply'; body: object; fieldManager: string; force?: boolean }
) & {
  /** For example `status`. If it is not set, the patch is of the object itself. */
  subresource?: string | undefined;
  /** The API server returns the object that it would store, and stores nothing. */
  dryRun?: boolean | undefined;
};

type ListOptions = {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  limit?: number;
  /** Only the metadata of each object is sent. */
  metadataOnly?: boolean;
  timeoutMs?: number;
  /** Ends the request, and its retries, when it aborts. */
  signal?: AbortSignal | undefined;
};

/** Preconditions of a deletion, and how long the object may take to end. */
export type DeleteOptions = {
  uid?: string;
  resourceVersion?: string;
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
};

type CreateOptions = {
  /** The API server returns the object that it would store, and stores nothing. */
  dryRun?: boolean;
  /** The API server refuses unknown fields instead of dropping them. */
  strict?: boolean;
  /** For kinds whose exact bytes matter, because they hold raw JSON. */
  encode?: (body: unknown) => string;
};

type RequestOptions = {
  query?: Query;
  body?: unknown;
  /** How the body becomes text; JSON.stringify by default. */
  encode?: ((body: unknown) => string) | undefined;
  contentType?: string;
  accept?: string | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** For the metrics. */
  resource?: Resource;
};

const CONTENT_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const PAGE_SIZE = 500;
const MAX_RETRIES = 5;
/** If the server asks for a longer wait, the caller gets the ThrottledError and waits in its queue instead. */
const MAX_RETRY_AFTER_MS = 10_000;
/** Requests that wait for a slot for so long are reported. */
const CONGESTED_MS = 5000;

/**
 * A thin client of the Kubernetes API. Objects go in and come out as plain JSON; single objects come without `managedFields`.
 * There is no rate limit, but a bound on the requests in flight (`InFlight`). The client retries what is safe to repeat: every
 * request that is answered 429, after the wait that the answer asks for, and reads that failed. Every other failure is thrown, as a
 * subclass of ApiError or as ConnectionError.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #inFlight: InFlight;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #requests: Counter<'verb' | 'resource' | 'code'> | undefined;
  readonly #seconds: Histogram<'verb'> | undefined;

  constructor(options: {
    transport: Transport;
    logger?: Logger;
    metrics?: Metrics;
    maxInFlight?: number;
    /** How long a request waits for a slot before it fails with a SlotTimeoutError; default 30 000. */
    slotTimeoutMs?: number;
    clock?: Clock;
  }) {
    this.#transport = options.transport;
    this.#clock = options.clock ?? systemClock;
    const { maxInFlight = 64, slotTimeoutMs: timeoutMs = 30_000 } = options;
    this.#inFlight = new InFlight(maxInFlight, { timeoutMs, clock: this.#clock });
    this.#logger = options.logger;
    this.#requests = options.metrics?.counter({
      name: 'kuperator_client_requests_total',
      help: 'Requests by the code of their answer; code 0 if no answer came.',
      labels: ['verb', 'resource', 'code'],
    });
    this.#seconds = options.metrics?.histogram({
      name: 'kuperator_client_request_seconds',
      help: 'Time from sending a request to its complete answer, without the wait for a free slot.',
      labels: ['verb'],
    });
    options.metrics?.gauge({
      name: 'kuperator_client_in_flight_limit',
      help: 'Maximum number of requests in flight; falls when the API server throttles.',
      collect: (gauge) => gauge.set(this.#inFlight.limit),
    });
  }

  /** @throws NotFoundError */
  get<T extends KubeObject>(resource: Resource<T>, ref: Ref): Promise<T> {
    return this.request<T>('GET', objectPath(resource, ref), { resource });
  }

  /** Returns all objects of one consistent snapshot, read in pages of `limit` (default 500). */
  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, labelSelector, fieldSelector, limit = PAGE_SIZE, metadataOnly, timeoutMs, signal } = options;
    const path = collectionPath(resource, namespace);
    const query: Query = { labelSelector, fieldSelector, limit };
    const request = { resource, timeoutMs, signal, ...(metadataOnly ? { accept: METADATA_ONLY } : {}) };
    const list = await this.request<KubeList<T>>('GET', path, { ...request, query });
    list.items ??= [];
    for (let token = list.metadata.continue; token; ) {
      const page = await this.request<KubeList<T>>('GET', path, { ...request, query: { ...query, continue: token } });
      list.items.push(...page.items);
      token = page.metadata.continue;
    }
    delete list.metadata.continue;
    // The items of a list have neither.
    const apiVersion = apiVersionOf(resource);
    for (const item of list.items) {
      item.apiVersion ??= apiVersion;
      item.kind ??= resource.kind;
    }
    return list;
  }

  /** @throws AlreadyExistsError */
  create<T extends KubeObject>(resource: Resource<T>, object: T, options: CreateOptions = {}): Promise<T> {
    const path = collectionPath(resource, object.metadata.namespace);
    const { dryRun, strict, encode } = options;
    const query: Query = { dryRun: dryRun ? 'All' : undefined, fieldValidation: strict ? 'Strict' : undefined };
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return this.request<T>('POST', path, { resource, body, query, encode });
  }

  /** @throws ConflictError when the stored object has another resourceVersion */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, options: { subresource?: string } = {}): Promise<T> {
    const { namespace, name = '' } = object.metadata;
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return this.request<T>('PUT', objectPath(resource, { namespace, name }, options.subresource), { resource, body });
  }

  /** @throws ConflictError when the patch names a resourceVersion or uid that the stored object does not have */
  patch<T extends KubeObject>(resource: Resource<T>, ref: Ref, patch: Patch): Promise<T> {
    const query = {
      ...(patch.type === 'apply' ? { fieldManager: patch.fieldManager, force: patch.force } : {}),
      ...(patch.dryRun ? { dryRun: 'All' } : {}),
    };
    return this.request<T>('PATCH', objectPath(resource, ref, patch.subresource), {
      resource,
      body: patch.body,
      contentType: CONTENT_TYPES[patch.type],
      ...(Object.keys(query).length > 0 ? { query } : {}),
    });
  }

  /**
   * @returns the object, terminating or as it was last, when the API server answers with it; undefined when it was
   * already gone or the answer is a bare Status
   * @throws ConflictError when the object has another uid or resourceVersion than given
   */
  async delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: Ref,
    options: DeleteOptions = {},
  ): Promise<T | undefined> {
    const { uid, resourceVersion, ...rest } = options;
    const preconditions = uid || resourceVersion ? { preconditions: { uid, resourceVersion } } : {};
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...rest, ...preconditions };
    try {
      const answer = await this.request<T>('DELETE', objectPath(resource, ref), { resource, body });
      return answer.kind === 'Status' ? undefined : answer;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Sends any request; `body` is sent as JSON. Retries as the class does.
   * @returns the answer's JSON
   * @throws AbortedError as soon as `signal`, or the signal of the pass that the request is made for, aborts
   * @throws SlotTimeoutError when too many requests were in flight for too long
   * @throws ApiError, ConnectionError
   */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { body: given, encode = JSON.stringify } = options;
    const signal = eitherOf(options.signal, passSignal());
    const request: PreparedRequest = {
      method,
      path: path + queryString(options.query),
      body: given === undefined ? undefined : encode(given),
      contentType: given === undefined ? undefined : (options.contentType ?? 'application/json'),
      accept: options.accept,
      timeoutMs: options.timeoutMs,
      signal,
    };
    for (let attempt = 1; ; attempt++) {
      if (signal?.aborted) throw abortedError(request);
      const answer = await this.#attempt<T>(request, options.resource);
      if (!(answer instanceof Failure)) return answer;
      const error = answer.cause;
      if (signal?.aborted && !(error instanceof ApiError)) throw abortedError(request);
      const waitMs = attempt <= MAX_RETRIES ? retryWaitMs(method, error, attempt) : undefined;
      if (waitMs === undefined) throw error;
      this.#logger?.debug({ err: error, waitMs, attempt }, 'repeating request');
      await sleep(this.#clock, waitMs, signal);
    }
  }

  /** Why requests wait for a free slot, once one has waited for 5 s; undefined otherwise. */
  problem(): string | undefined {
    const { waitedMs, waiting, running, limit } = this.#inFlight;
    if (waitedMs < CONGESTED_MS) return undefined;
    const seconds = Math.round(waitedMs / 1000);
    return `${waiting} requests wait for a free slot, the first for ${seconds} s: ${running} are in flight, the limit is ${limit}`;
  }

  /** Opens a watch, or any streaming GET, and returns chunks of newline-separated JSON. It takes no slot, and no pass ends it. */
  async stream(
    path: string,
    options: { query?: Query; timeoutMs?: number; signal?: AbortSignal; resource?: Resource } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const { query, timeoutMs, signal, resource } = options;
    const request = { method: 'GET', path: path + queryString(query), timeoutMs, signal };
    let response: TransportStream;
    try {
      response = await this.#transport.stream(request);
    } catch (error) {
      this.#count('WATCH', resource, 0);
      throw error;
    }
    this.#count('WATCH', resource, response.status);
    if (response.status === 200) return response.body;
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    throw errorOf(`WATCH ${request.path}`, { status: response.status, headers: response.headers, body });
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #attempt<T>(request: PreparedRequest, resource: Resource | undefined): Promise<T | Failure> {
    const { method, path, signal } = request;
    // Lease renewals must not wait behind a burst of writes: a replica that renews late loses its keys.
    const bounded = resource?.group !== 'coordination.k8s.io';
    let ticket: Ticket | undefined;
    try {
      if (bounded) ticket = await this.#inFlight.acquire(namespaceIn(path), signal);
    } catch (error) {
      if (!(error instanceof SlotTimeoutError)) return new Failure(error);
      return new Failure(new SlotTimeoutError(`${method} ${path}: not sent, ${error.message}`));
    }
    let response: TransportResponse | undefined;
    const startedAt = this.#clock.monotonic();
    try {
      response = await this.#transport.send(request);
      if (response.status < 400) return parseObject(response.body) as T;
      return new Failure(errorOf(`${method} ${path}`, response));
    } catch (error) {
      return new Failure(error);
    } finally {
      this.#count(method, resource, response?.status ?? 0);
      this.#seconds?.observe({ verb: method }, (this.#clock.monotonic() - startedAt) / 1000);
      const outcome = response === undefined ? 'failed' : response.status === 429 ? 'throttled' : 'good';
      if (ticket) this.#inFlight.release(ticket, outcome);
    }
  }

  #count(verb: string, resource: Resource | undefined, code: number): void {
    this.#requests?.inc({ verb, resource: resource?.plural ?? '', code: String(code) });
  }
}

type PreparedRequest = Parameters<Transport['send']>[0];

function abortedError({ method, path, signal }: PreparedRequest): AbortedError {
  return new AbortedError(`${method} ${path}: aborted: ${messageOf(signal?.reason)}`, { cause: signal?.reason });
}

function eitherOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one && other ? AbortSignal.any([one, other]) : (one ?? other);
}

class Failure {
  readonly cause: unknown;
  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** Returns how long to wait before the request is repeated; undefined if it must not be repeated. */
function retryWaitMs(method: string, error: unknown, attempt: number): number | undefined {
  const jitter = 1 + Math.random() / 4;
  if (error instanceof ApiError && error.status === 429) {
    const waitMs = error.retryAfterMs ?? 1000;
    return waitMs <= MAX_RETRY_AFTER_MS ? waitMs * jitter : undefined;
  }
  if (method !== 'GET' || attempt > 2 || error instanceof SlotTimeoutError) return undefined;
  const failed = error instanceof ConnectionError || (error instanceof ApiError && error.status >= 500);
  return failed ? 100 * attempt * jitter : undefined;
}

function errorOf(attempted: string, response: TransportResponse): ApiError {
  let status: { reason?: string; message?: string; details?: StatusDetails } = {};
  try {
    status = JSON.parse(response.body) as typeof status;
  } catch {
    // Proxies and early handlers of the API server answer in plain text.
    status = { message: response.body.slice(0, 500) };
  }
  const seconds = status.details?.retryAfterSeconds ?? Number(response.headers['retry-after'] ?? Number.NaN);
  return apiErrorFor(
    attempted,
    {
      status: response.status,
      reason: status.reason ?? '',
      details: status.details,
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    },
    status.message ?? '',
  );
}

/**
 * A client over HTTP. `kubeconfig` is a file; without it $KUBECONFIG, ~/.kube/config or the Pod's service account is used.
 * At most `maxInFlight` (default 64) requests are in flight at once; the others wait for `slotTimeoutMs` (default 30 000) at most.
 */
export function createKubeClient(options: {
  kubeconfig?: string | undefined;
  userAgent: string;
  logger?: Logger;
  metrics?: Metrics;
  maxInFlight?: number;
  slotTimeoutMs?: number;
}): KubeClient {
  const { kubeconfig, userAgent, maxInFlight = 64, ...rest } = options;
  // A few more connections than slots, for Lease renewals, which do not wait for a slot.
  const transport = new HttpTransport({ kubeconfig, userAgent, connections: maxInFlight + 4 });
  return new KubeClient({ transport, maxInFlight, ...rest });
}
