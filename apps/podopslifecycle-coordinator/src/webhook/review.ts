// The part of admission.k8s.io/v1 that the webhook uses.

import type { Pod } from '@kuperator/api';

/** An operation of JSON Patch (RFC 6902). The webhook only uses this one. */
export type PatchOperation = { readonly op: 'add'; readonly path: string; readonly value: unknown };

export type AdmissionRequest = {
  readonly uid: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly operation: string;
  readonly userInfo?: { readonly username?: string };
  readonly dryRun?: boolean;
  /** The options of a deletion, as the client sent them. */
  readonly options?: { readonly [option: string]: unknown } | null;
  readonly object?: unknown;
  readonly oldObject?: unknown;
};

/** The API server's call that brought a request: how long it waits for the answer, if it says so, and whether it still waits. */
export type Call = { readonly timeoutMs?: number | undefined; readonly signal: AbortSignal };

export type AdmissionVerdict =
  | { readonly allowed: true; readonly warning?: string; readonly patch?: readonly PatchOperation[] }
  /** With `retryAfterSeconds` clients built on client-go repeat the request by themselves. Without it, the refusal is final. */
  | { readonly allowed: false; readonly message: string; readonly retryAfterSeconds?: number | undefined }
  /**
   * Refused for now, and the client need not come back: the API server goes on to the next Pod of a collection, and a scheduler waits for the
   * end of the Pod.
   */
  | { readonly allowed: false; readonly passOver: true; readonly message: string; readonly warning: string };

/** The request inside an AdmissionReview. @throws Error when the body is anything else */
export function requestIn(body: string): AdmissionRequest {
  const { kind, request } = JSON.parse(body) as { kind?: string; request?: AdmissionRequest };
  if (kind !== 'AdmissionReview' || typeof request?.uid !== 'string') throw new Error('no AdmissionReview');
  return request;
}

/** The Pod that a DELETE or a CREATE contains. */
export function podIn({ object, oldObject }: AdmissionRequest): Pod | undefined {
  const pod = (oldObject ?? object) as Partial<Pod> | null | undefined;
  return pod?.metadata && pod.spec ? (pod as Pod) : undefined;
}

/** Whether a request is about this Pod. The request for one Pod of a collection names no Pod. */
export function isAbout({ namespace, name }: AdmissionRequest, pod: Pod): boolean {
  return pod.metadata.namespace === namespace && (!name || pod.metadata.name === name);
}

/**
 * Whether the Pod is one of a collection that is deleted by one request, in which case the API server gives no name. A request with options
 * for the deletion does not count: the coordinator deletes the Pod later, and the options would be lost.
 */
export function isOfPlainCollection({ operation, name, options }: AdmissionRequest): boolean {
  const says = ([key, value]: [string, unknown]) =>
    value !== null && !['kind', 'apiVersion', 'dryRun'].includes(key) && value !== 'Background';
  return operation === 'DELETE' && !name && !Object.entries(options ?? {}).some(says);
}

/** The answer to the API server. */
export function reviewOf({ uid }: AdmissionRequest, verdict: AdmissionVerdict): object {
  const warning = 'warning' in verdict ? verdict.warning : undefined;
  const patch = 'patch' in verdict ? verdict.patch : undefined;
  const response = {
    uid,
    allowed: verdict.allowed,
    ...(verdict.allowed ? {} : { status: statusOf(verdict) }),
    ...(warning ? { warnings: [warning] } : {}),
    ...(patch?.length ? { patchType: 'JSONPatch', patch: encoded(patch) } : {}),
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

type Refusal = Exclude<AdmissionVerdict, { allowed: true }>;

function statusOf(refusal: Refusal): object {
  const { message } = refusal;
  // NotFound is the only error after which the API server goes on with a collection, and a scheduler waits for the end of the Pod.
  if ('passOver' in refusal) return { code: 404, reason: 'NotFound', message };
  const { retryAfterSeconds } = refusal;
  // The API server turns this into the header Retry-After. Only with that header client-go sleeps and repeats the request.
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return { code: 429, reason: 'TooManyRequests', message, ...details };
}

function encoded(patch: readonly PatchOperation[]): string {
  return Buffer.from(JSON.stringify(patch)).toString('base64');
}
