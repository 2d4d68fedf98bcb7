import { gatePatch } from '../pod-creation/admission.ts';
import { type AdmissionRequest, type AdmissionVerdict, podIn } from './review.ts';

/** Gives a Pod that is being created (`CREATE`) its readiness gate. Refuses nothing, reads and writes nothing. */
export async function answerToCreation(request: AdmissionRequest): Promise<AdmissionVerdict> {
  const pod = request.operation === 'CREATE' ? podIn(request) : undefined;
  // Not an answer: somebody registered this path for something else.
  if (!pod) throw new Error(`no Pod is being created: ${request.operation}`);
  return { allowed: true, patch: gatePatch(pod) };
}
