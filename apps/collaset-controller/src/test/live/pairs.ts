import {
  PODS,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  SERVICE_AVAILABLE_LABEL,
  TO_DELETE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import { expect } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { BAD, nameOf, template } from './objects.ts';

export type PairInput = { readonly name: string; readonly replicas: number; readonly spec?: object };

/** Creates a set of unready Pods, and begins the replacement of the first one. Returns the names of both Pods of the pair. */
export async function pairOf({ create, figures, label }: LiveSets, { name, replicas, spec = {} }: PairInput) {
  await create(name, { replicas, template: template(name, BAD), ...spec });
  const [origin] = await figures(name, [replicas, 0, 0, replicas, replicas]);
  await label(nameOf(origin), { [TO_REPLACE_LABEL]: '1' });
  const pods = await figures(name, [replicas + 1, 0, 0, replicas + 1, replicas + 1]);
  const successor = pods.find((pod) => pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] === nameOf(origin));
  return { origin: nameOf(origin), successor: nameOf(successor) };
}

/** Labels the Pod as available although it is not, until the controller has reacted. The Go implementation's suite does the same. */
export function pretendToServe({ label }: LiveSets, pod: string, isHeard: () => Promise<boolean>): Promise<void> {
  return eventually(async () => {
    if (await isHeard()) return;
    await label(pod, { [SERVICE_AVAILABLE_LABEL]: '1' });
    expect(await isHeard()).toBe(true);
  });
}

export async function isLeaving({ get }: LiveSets, pod: string): Promise<boolean> {
  try {
    const { metadata } = await get(PODS, pod);
    return metadata.labels?.[TO_DELETE_LABEL] !== undefined || metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    throw error;
  }
}
