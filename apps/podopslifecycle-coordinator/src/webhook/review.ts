// The part of admission.k8s.io/v1 that is used here.

import type { Pod } from '@kuperator/api';
import type { PatchOperation } from '../pod-creation/admission.ts';

export type AdmissionRequest = {
  readonly uid: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly operation: string;
  readonly userInfo?: { readonly username?: string };
  readonly dryRun?: boolean;
  /** Of a deletion, as its client sent them. */
  readonly options?: { readonly [option: string]: unknown } | null;
  readonly object?: unknown;
  readonly oldObject?: unknown;
};

export type AdmissionVerdict =
  | { readonly allowed: true; readonly warning?: string; readonly patch?: readonly PatchOperation[] }
  /** With `retryAfterSeconds` clients built on client-go repeat by themselves; without, it is their answer. */
  | { readonly allowed: false; readonly message: string; readonly retryAfterSeconds?: number | undefined }
  /** Not now, and the client need not come back: the API server goes on to the next Pod of a collection, a scheduler waits for its end. */
  | { readonly allowed: false; readonly passOver: true; readonly message: string; readonly warning: string };

/** The request inside an AdmissionReview. Throws on anything else. */
export function requestIn(body: string): AdmissionRequest {
  const { kind, request } = JSON.parse(body) as { kind?: string; request?: AdmissionRequest };
  if (kind !== 'AdmissionReview' || typeof request?.uid !== 'string') throw new Error('no AdmissionReview');
  return request;
}

/** The Pod a DELETE or a CREATE is about. */
export function podIn({ object, oldObject }: AdmissionRequest): Pod | undefined {
  const pod = (oldObject ?? object) as Partial<Pod> | null | undefined;
  return pod?.metadata && pod.spec ? (pod as Pod) : undefined;
}

/** Whether a request is about this Pod. Of a collection it gives no name. */
export function isAbout({ namespace, name }: AdmissionRequest, pod: Pod): boolean {
  return pod.metadata.namespace === namespace && (!name || pod.metadata.name === name);
}

/**
 * The Pod is one of a collection that is deleted by one request: the API server gives no name then. Only where the request says
 * nothing of how: what it said would be lost.
 */
export function isOfPlainCollection({ operation, name, options }: AdmissionRequest): boolean {
  const says = ([key, value]: [string, unknown]) =>
    value !== null && !['kind', 'apiVersion', 'dryRun'].includes(key) && value !== 'Background';
  return operation === 'DELETE' && !name && !Object.entries(options ?? {}).some(says);
}

/** What the API server is told. */
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
  // The one error at which the API server goes on with a collection, and a scheduler waits: for them somebody else was quicker.
  if ('passOver' in refusal) return { code: 404, reason: 'NotFound', message };
  const { retryAfterSeconds } = refusal;
  // The API server makes the header Retry-After of it, and only with that client-go sleeps and repeats.
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return { code: 429, reason: 'TooManyRequests', message, ...details };
}

function encoded(patch: readonly PatchOperation[]): string {
  return Buffer.from(JSON.stringify(patch)).toString('base64');
}
