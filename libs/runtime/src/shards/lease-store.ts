import { LEASES, type Lease } from '@kuperator/api';
import { Informer } from '../cache/informer.ts';
import type { KubeClient } from '../client/client.ts';
import { collectionPath, objectPath } from '../client/paths.ts';
import type { Clock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import { APP_LABEL, leaseFor, leaseNameOf, type MemberClaim, type MemberLease, memberLeaseOf } from './member-lease.ts';

/** Where members keep their Leases. Reads and writes are linearizable; a write without a clean answer has an unknown outcome. */
export type LeaseStore = {
  /** Returns the Leases of all members, as they are at some moment between call and answer. */
  list(timeoutMs: number): Promise<readonly MemberLease[]>;
  /**
   * Creates our Lease, or replaces the one `held`.
   * @throws ConflictError, NotFoundError, AlreadyExistsError when the stored Lease is not the one in `held`: nothing was written
   */
  write(claim: MemberClaim, held: MemberLease | undefined, timeoutMs: number): Promise<MemberLease>;
  /** Deletes the Lease if it has not changed; resolves in either case. */
  remove(lease: MemberLease, timeoutMs: number): Promise<void>;
  /** Calls `wake` when a member other than `identity` joins, leaves or changes its view. It is a hint: it may come late, without cause, or not at all. */
  watch(identity: string, wake: () => void): { stop(): Promise<void> };
};

/** Keeps the Leases of `app` in one namespace of the API server. */
export function kubeLeaseStore(options: {
  client: KubeClient;
  app: string;
  namespace: string;
  clock: Clock;
  logger: Logger;
}): LeaseStore {
  const { client, app, namespace, clock, logger } = options;
  const labelSelector = `${APP_LABEL}=${app}`;
  const refOf = (identity: string) => ({ namespace, name: leaseNameOf(app, identity) });
  return {
    async list(timeoutMs) {
      // Without a resourceVersion the API server reads the most recent state, not its watch cache.
      const { items } = await client.request<{ items: Lease[] }>('GET', collectionPath(LEASES, namespace), {
        resource: LEASES,
        query: { labelSelector },
        timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      });
      return items.flatMap((lease) => memberLeaseOf(lease) ?? []);
    },
    async write(claim, held, timeoutMs) {
      const path = held ? objectPath(LEASES, refOf(claim.identity)) : collectionPath(LEASES, namespace);
      const lease = await client.request<Lease>(held ? 'PUT' : 'POST', path, {
        resource: LEASES,
        body: leaseFor(claim, { app, namespace, nowMs: clock.now(), held }),
        timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { ...claim, uid: lease.metadata.uid ?? '', version: lease.metadata.resourceVersion ?? '' };
    },
    async remove({ identity, uid, version }, timeoutMs) {
      await client.request('DELETE', objectPath(LEASES, refOf(identity)), {
        resource: LEASES,
        body: { preconditions: { uid, resourceVersion: version } },
        timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      });
    },
    watch(identity, wake) {
      const informer = new Informer({ client, resource: LEASES, namespace, labelSelector, logger, clock });
      informer.onChange(({ type, object, old }) => {
        const lease = memberLeaseOf(object);
        const news = type !== 'updated' || !old || lease?.view !== memberLeaseOf(old)?.view;
        if (news && lease?.identity !== identity) wake();
      });
      informer.start();
      return informer;
    },
  };
}
