import { createHash } from 'node:crypto';
import { type Lease, namePrefix } from '@kuperator/api';

/** What one replica publishes about itself in its Lease. */
export type MemberClaim = {
  identity: string;
  /** Differs for each run of the process: a restarted replica keeps its identity, but gets a new incarnation. */
  incarnation: string;
  /** Id of the view the member acts upon. */
  view: string;
  durationMs: number;
};

/** A claim as the API server stores it. */
export type MemberLease = MemberClaim & { uid: string; version: string };

/** Label of member Leases: the operator whose replicas share the keys. */
export const APP_LABEL = 'kuperator.kusionstack.io/app';
const IDENTITY_ANNOTATION = 'kuperator.kusionstack.io/identity';
const VIEW_ANNOTATION = 'kuperator.kusionstack.io/view';

/** Returns the name of a replica's Lease: a legal object name for any identity. */
export function leaseNameOf(app: string, identity: string): string {
  const name = `${app}.${identity}`;
  const legal = name
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    // No part between two dots may be empty, or begin or end with a dash.
    .replace(/[-.]*\.[-.]*/g, '.')
    .replace(/^[-.]+|[-.]+$/g, '');
  if (legal === name && name.length <= 253) return name;
  return `${namePrefix(legal, 240)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

export function leaseFor(
  claim: MemberClaim,
  options: { app: string; namespace: string; nowMs: number; held: { uid: string; version: string } | undefined },
): Lease {
  const { app, namespace, nowMs, held } = options;
  return {
    metadata: {
      namespace,
      name: leaseNameOf(app, claim.identity),
      labels: { [APP_LABEL]: app },
      annotations: { [IDENTITY_ANNOTATION]: claim.identity, [VIEW_ANNOTATION]: claim.view },
      // The uid, too: otherwise a PUT would create a Lease that has been deleted.
      ...(held ? { uid: held.uid, resourceVersion: held.version } : {}),
    },
    spec: {
      holderIdentity: claim.incarnation,
      leaseDurationSeconds: Math.ceil(claim.durationMs / 1000),
      renewTime: new Date(nowMs).toISOString().replace('Z', '000Z'),
    },
  };
}

/** Reads the claim in a Lease; undefined if the Lease is not that of a member. */
export function memberLeaseOf({ metadata, spec }: Lease): MemberLease | undefined {
  const identity = metadata.annotations?.[IDENTITY_ANNOTATION];
  if (!identity) return undefined;
  return {
    identity,
    incarnation: spec.holderIdentity ?? '',
    view: metadata.annotations?.[VIEW_ANNOTATION] ?? '',
    durationMs: (spec.leaseDurationSeconds ?? 15) * 1000,
    uid: metadata.uid ?? '',
    version: metadata.resourceVersion ?? '',
  };
}
