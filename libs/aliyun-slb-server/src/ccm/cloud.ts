import { type Clock, sleep } from '@kuperator/runtime';
import type { VendorAnswer, VendorCall } from '../vendor-client.ts';
import type { CcmBackend } from './backends.ts';

/** An instance, as the status of its Service shows it. */
export type CloudBalancer = { id: string; ingress: { ip: string } | { hostname: string } };
export type CloudGroup = { id: string; name: string };
export type CloudListener = { id: string; port: number; protocol: string; groupId: string };

/** What CCM does with one product. Writes return when they have taken effect. */
export type Cloud = {
  find(name: string): Promise<CloudBalancer | undefined>;
  create(name: string, clusterId: string): Promise<CloudBalancer>;
  delete(id: string): Promise<void>;
  groups(balancerId: string): Promise<readonly CloudGroup[]>;
  createGroup(balancerId: string, given: { name: string; protocol: string; tag: string }): Promise<CloudGroup>;
  deleteGroup(id: string): Promise<void>;
  listeners(balancerId: string): Promise<readonly CloudListener[]>;
  createListener(balancerId: string, given: Omit<CloudListener, 'id'> & { description: string }): Promise<void>;
  deleteListener(balancerId: string, listener: CloudListener): Promise<void>;
  members(groupId: string): Promise<readonly CcmBackend[]>;
  add(groupId: string, backends: readonly CcmBackend[]): Promise<void>;
  remove(groupId: string, backends: readonly CcmBackend[]): Promise<void>;
  update(groupId: string, backends: readonly CcmBackend[]): Promise<void>;
};

/** What a cloud needs. `batch` is the number of backends in one call; CCM's own default is 40. */
export type CloudOptions = { call: VendorCall; clock: Clock; batch: number; signal: AbortSignal };

/** Codes that mean that the instance, or the account, is busy, so that the same call is worth repeating soon. */
const BUSY =
  /^(BackendServer\.configuring|ServiceIsConfiguring|VServerGroupProcessing|OperationBusy|SystemBusy|IncorrectStatus\.|Conflict\.Lock|Throttling)/;
const BUSY_WAIT_MS = 250;
const BUSY_TRIES = 120;

/** Repeats calls that are refused because the instance or the account is busy. */
export function patient({ call, clock, signal }: CloudOptions): VendorCall {
  return async (product, action, parameters) => {
    for (let tries = 1; ; tries++) {
      try {
        return await call(product, action, parameters);
      } catch (error) {
        const code = codeOf(error);
        if (signal.aborted || tries >= BUSY_TRIES || !BUSY.test(code)) throw error;
        await sleep(clock, BUSY_WAIT_MS, signal);
      }
    }
  };
}

/** The code of an error of the vendor's client; empty for any other error. */
export function codeOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Parts of at most `size`. */
export function batchesOf<T>(all: readonly T[], size: number): T[][] {
  const count = Math.ceil(all.length / size);
  return Array.from({ length: count }, (_, index) => all.slice(index * size, (index + 1) * size));
}

/** A field of an answer that is text. @throws Error if it is not */
export function textIn(answer: VendorAnswer, name: string): string {
  const value = new Map(Object.entries(answer)).get(name);
  if (typeof value !== 'string') throw new Error(`the answer has no text ${name}`);
  return value;
}

/** A field of an answer that is a list; empty if it is absent. */
export function listIn<T>(answer: unknown, name: string): readonly T[] {
  const value: unknown = new Map(Object.entries(Object(answer))).get(name);
  return Array.isArray(value) ? (value as T[]) : [];
}
