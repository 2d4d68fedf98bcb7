import type { Sighting, Touch, Traffic } from './sighting.ts';

/** A promise to users, and whether it was kept. */
export type Check = { readonly promise: string; readonly seen: string; readonly kept: boolean };

/**
 * Containers that were changed or ended while the Service still sent traffic to their Pod. Versions decide which state of the EndpointSlices was
 * stored before the change. With a `proxyPeriodMs`, the slowest proxy counts: it synced just before a slice changed, and applies the change
 * one period later. Pure.
 */
export function touchedInTraffic({ touches, traffic, proxyPeriodMs }: Sighting): readonly Touch[] {
  const ordered = traffic.toSorted((a, b) => (a.version < b.version ? -1 : 1));
  return touches.filter((touch) => appliedAt(ordered, touch, proxyPeriodMs).some(({ ready }) => ready.has(touch.uid)));
}

/** Every state of the EndpointSlices by which a proxy may have sent traffic at the moment of the change. */
function appliedAt(ordered: readonly Traffic[], { version, atMs }: Touch, proxyPeriodMs: number): readonly Traffic[] {
  const before = ordered.filter((each) => each.version < version);
  // Versions alone decide then: news of a slice that was stored before the change may arrive after it.
  if (proxyPeriodMs === 0) return before.slice(-1);
  return before.filter((_, index) => {
    const next = before[index + 1];
    return next === undefined || next.atMs > atMs - proxyPeriodMs;
  });
}

/** The lowest number of Pods that were in traffic at the same time. */
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

/** The promises of a roll in place: all Pods are kept, none is changed in traffic, and never too many are out of traffic. */
export function rollChecks({ sighting, pods, mayBeOut, uidsBefore, uidsAfter }: RollOptions): readonly Check[] {
  const kept = uidsAfter.intersection(uidsBefore).size;
  return [
    atMostOut(sighting, pods, mayBeOut),
    { promise: `all ${pods} Pods kept (same uid)`, seen: String(kept), kept: kept === pods },
    untouched('containers changed while in traffic: 0', sighting),
  ];
}

/** The promises of a roll by recreation: all Pods are new, none is deleted in traffic, and never too many are out of traffic. */
export function recreateChecks({ sighting, pods, mayBeOut, uidsBefore, uidsAfter }: RollOptions): readonly Check[] {
  const made = uidsAfter.difference(uidsBefore).size;
  return [
    atMostOut(sighting, pods, mayBeOut),
    { promise: `all ${pods} Pods new (another uid)`, seen: String(made), kept: made === pods },
    untouched('Pods deleted while in traffic: 0', sighting),
  ];
}

/** The promises of a scale-in: the remaining Pods keep serving, and the others are out of traffic before they are deleted. */
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
    // If the observer saw no change at all, the check proves nothing.
    kept: broken.length === 0 && sighting.touches.length > 0,
  };
}
