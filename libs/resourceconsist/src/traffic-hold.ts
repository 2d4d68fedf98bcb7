import { type KubeObject, own, TRAFFIC_OFF_HOLD_ANNOTATION, TRAFFIC_ON_HOLD_ANNOTATION } from '@kuperator/api';

/**
 * How long traffic must have been seen on, or off, before the adapter relies on it, in milliseconds. The proxies and balancers
 * that follow what an observer sees need this time to apply it.
 */
export type TrafficHold = { readonly onMs: number; readonly offMs: number };

export const NO_HOLD: TrafficHold = { onMs: 0, offMs: 0 };

/** Longer than any data plane needs. A longer value counts as a mistake. */
const MAX_HOLD_MS = 600_000;
const UNIT_MS: ReadonlyMap<string, number> = new Map(Object.entries({ h: 3_600_000, m: 60_000, s: 1000, ms: 1 }));

/**
 * The hold that an employer sets by annotation, and `fallback` where it sets none.
 * @returns `problem` names each invalid annotation, which the fallback replaces
 */
export function trafficHoldOf(
  { metadata }: KubeObject,
  fallback: TrafficHold,
): { readonly hold: TrafficHold; readonly problem?: string } {
  const problems: string[] = [];
  const read = (annotation: string, fallbackMs: number): number => {
    const text = own(metadata.annotations, annotation);
    if (text === undefined) return fallbackMs;
    const ms = durationMsOf(text);
    if (ms !== undefined && ms <= MAX_HOLD_MS) return ms;
    problems.push(
      `annotation ${annotation} is ${JSON.stringify(text)}: allowed are durations from 0s to 10m, such as 500ms, 6s or 1m30s; ${fallbackMs}ms is used`,
    );
    return fallbackMs;
  };
  const hold = {
    onMs: read(TRAFFIC_ON_HOLD_ANNOTATION, fallback.onMs),
    offMs: read(TRAFFIC_OFF_HOLD_ANNOTATION, fallback.offMs),
  };
  return problems.length > 0 ? { hold, problem: problems.join('; ') } : { hold };
}

/**
 * Milliseconds of a duration as the Gateway API writes them; undefined for other text.
 * @see https://gateway-api.sigs.k8s.io/geps/gep-2257/
 */
export function durationMsOf(text: string): number | undefined {
  if (!/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined;
  const parts = text.matchAll(/([0-9]+)(ms|h|m|s)/g);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS.get(unit ?? '') ?? 0), 0);
}
