import type { Sighting, Touch, Traffic } from './sighting.ts';

/** A promise to users, and whether it was kept. */
export type Check = { readonly promise: string; readonly seen: string; readonly kept: boolean };

/**
 * Containers touched while the Service still sent the Pod traffic. What the slices say was stored before the touch is by version. With a
 * `proxyPeriodMs` the slowest proxy judges: it has synced just before a slice changed, and applies the change a period later. Pure.
 */
export function touchedInTraffic({ touches, traffic, proxyPeriodMs }: Sighting): readonly Touch[] {
  const ordered = traffic.toSorted((a, b) => (a.version < b.version ? -1 : 1));
  return touches.filter((touch) => appliedAt(ordered, touch, proxyPeriodMs).some(({ ready }) => ready.has(touch.uid)));
}

/** Every state of the slices by which some proxy may have sent traffic at the moment of the touch. */
function appliedAt(ordered: readonly Traffic[], { version, atMs }: Touch, proxyPeriodMs: number): readonly Traffic[] {
  const before = ordered.filter((each) => each.version < version);
  return before.filter((_, index) => {
    const next = before[index + 1];
    return next === undefined || next.atMs > atMs - proxyPeriodMs;
  });
}

/** The fewest Pods that were in traffic at once. */
export function leastInTraffic({ traffic }: Sighting): number {
  return Math.min(...traffic.map(({ ready }) => ready.size));
}

export type RollOptions = {
  readonly sighting: Sighting;
  readonly pods: number;
  readonly mayBeOut: number;
  readonly uidsBefore: ReadonlySet<string>;
  readonly uidsAfter: ReadonlySet<string>;
};

/** What a roll in place promises: nobody dies, nobody is touched in traffic, never too many out of it. */
export function rollChecks({ sighting, pods, mayBeOut, uidsBefore, uidsAfter }: RollOptions): readonly Check[] {
  const kept = uidsAfter.intersection(uidsBefore).size;
  return [
    atMostOut(sighting, pods, mayBeOut),
    { promise: `all ${pods} Pods kept (same uid)`, seen: String(kept), kept: kept === pods },
    untouched('containers changed while in traffic: 0', sighting),
  ];
}

/** What a roll by new Pods promises: all are new, nobody dies in traffic, never too many out of it. */
export function recreateChecks({ sighting, pods, mayBeOut, uidsBefore, uidsAfter }: RollOptions): readonly Check[] {
  const made = uidsAfter.difference(uidsBefore).size;
  return [
    atMostOut(sighting, pods, mayBeOut),
    { promise: `all ${pods} Pods new (another uid)`, seen: String(made), kept: made === pods },
    untouched('Pods deleted while in traffic: 0', sighting),
  ];
}

/** What scaling in promises: those who stay keep serving, those who go are out of traffic first. */
export function scaleInChecks(sighting: Sighting, staying: number): readonly Check[] {
  const least = leastInTraffic(sighting);
  return [
    { promise: `at least ${staying} Pods in traffic`, seen: String(least), kept: least >= staying },
    untouched('Pods deleted while in traffic: 0', sighting),
  ];
}

function atMostOut(sighting: Sighting, pods: number, mayBeOut: number): Check {
  const out = pods - leastInTraffic(sighting);
  return { promise: `at most ${mayBeOut} Pods out of traffic at once`, seen: String(out), kept: out <= mayBeOut };
}

function untouched(promise: string, sighting: Sighting): Check {
  const broken = touchedInTraffic(sighting);
  const first = broken[0];
  return {
    promise,
    seen: first ? `${broken.length}, e.g. ${first.pod}: ${first.what}` : '0',
    // A witness that saw nothing at all must not vouch for anything.
    kept: broken.length === 0 && sighting.touches.length > 0,
  };
}
