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
  readonly object?: unknown;
  readonly oldObject?: unknown;
};

export type AdmissionVerdict =
  | { readonly allowed: true; readonly warning?: string; readonly patch?: readonly PatchOperation[] }
  | { readonly allowed: false; readonly message: string; readonly retryAfterSeconds: number };

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

/** With code 429 and `retryAfterSeconds` every client built on client-go waits and repeats by itself. */
export function reviewOf({ uid }: AdmissionRequest, verdict: AdmissionVerdict): object {
  const response = verdict.allowed
    ? {
        uid,
        allowed: true,
        ...(verdict.warning ? { warnings: [verdict.warning] } : {}),
        ...(verdict.patch?.length ? { patchType: 'JSONPatch', patch: encoded(verdict.patch) } : {}),
      }
    : {
        uid,
        allowed: false,
        status: {
          code: 429,
          reason: 'TooManyRequests',
          message: verdict.message,
          details: { retryAfterSeconds: verdict.retryAfterSeconds },
        },
      };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

function encoded(patch: readonly PatchOperation[]): string {
  return Buffer.from(JSON.stringify(patch)).toString('base64');
}
