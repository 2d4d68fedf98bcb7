// Decides from the API server's error message whether a full quota has room for a Pod that replaces another one.

import { own, type PodSpec, setOwn } from '@kuperator/api';
import { totalOf } from '../plan/resources.ts';
import { nanosOf } from '../revision/quantity.ts';

const REFUSAL = /exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)/;

/**
 * True if the quota would admit the refused Pod after the deletion of the Pod of `old`. Unlike the quota itself, the message needs no
 * permission to read and already considers scopes. A message that cannot be parsed counts as no room.
 */
export function fitsInPlaceOf(message: string, old: PodSpec): boolean {
  const match = REFUSAL.exec(message);
  if (!match) return false;
  const [requested, used, limited] = match.slice(2).map(amountsIn);
  if (!requested || !used || !limited) return false;
  return Object.entries(requested).every(([resource, wanted]) => {
    const inUse = own(used, resource);
    const hard = own(limited, resource);
    return inUse !== undefined && hard !== undefined && inUse - freed(resource, old) + wanted <= hard;
  });
}

/** Parses amounts such as `requests.cpu=400m,pods=1`, in nanos; undefined if an amount is invalid. */
function amountsIn(text: string): Record<string, bigint> | undefined {
  const amounts: Record<string, bigint> = {};
  for (const pair of text.split(',')) {
    const at = pair.lastIndexOf('=');
    const nanos = nanosOf(pair.slice(at + 1));
    if (at < 0 || nanos === undefined) return undefined;
    setOwn(amounts, pair.slice(0, at), nanos);
  }
  return amounts;
}

/** The amount of the quota's resource that a Pod of `old` uses. */
function freed(resource: string, old: PodSpec): bigint {
  if (resource === 'pods' || resource === 'count/pods') return 1_000_000_000n;
  const [kind, name = ''] = resource.startsWith('limits.')
    ? (['limits', resource.slice('limits.'.length)] as const)
    : (['requests', resource.replace(/^requests\./, '')] as const);
  return totalOf(old, kind).get(name) ?? 0n;
}
