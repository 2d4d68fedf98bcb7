// Computes whether a container was asked to stop before or after new connections could no longer reach it.
import type { RouteChange } from './routes.ts';

/** A record of the application in a container. */
export type Signal = {
  atMs: number;
  what: 'START' | 'SIGTERM' | 'EXIT';
  pod: string;
  ip: string;
  version: string;
};

/** A change of a Service's endpoints in the API server: `ip` is ready, or no longer ready. */
export type SliceChange = { atMs: number; ip: string; ready: boolean };

export type Stop = {
  pod: string;
  /** Time from the removal of the Pod from the packet filter to its SIGTERM. Negative if SIGTERM came too early; undefined if the Pod was in no Service. */
  slackMs: number | undefined;
  /** Time from the removal of the Pod from its EndpointSlice to its removal from the packet filter. */
  proxyLagMs: number | undefined;
};

/** Returns an entry for each SIGTERM among `signals`. Each list is in order of time. */
export function stopsOf(
  signals: readonly Signal[],
  routes: readonly RouteChange[],
  slices: readonly SliceChange[],
): readonly Stop[] {
  return signals
    .filter(({ what }) => what === 'SIGTERM')
    .map(({ atMs, ip, pod }) => {
      const removedAtMs = removalFor(
        routes.filter((change) => change.ip === ip),
        atMs,
      );
      const dropped = slices.findLast(
        (change) => change.ip === ip && !change.ready && removedAtMs !== undefined && change.atMs <= removedAtMs,
      );
      return {
        pod,
        slackMs: removedAtMs === undefined ? undefined : removedAtMs === Infinity ? -Infinity : atMs - removedAtMs,
        proxyLagMs: dropped && removedAtMs !== undefined ? removedAtMs - dropped.atMs : undefined,
      };
    });
}

/** The time at which the last route to a Pod was removed before its SIGTERM. If the Pod had a route at its SIGTERM, the time at which that route was removed. */
function removalFor(changes: readonly RouteChange[], stoppedAtMs: number): number | undefined {
  const before = changes.findLast(({ atMs }) => atMs <= stoppedAtMs);
  if (before === undefined) return undefined;
  if (!before.routed) return before.atMs;
  return changes.find(({ atMs, routed }) => atMs > stoppedAtMs && !routed)?.atMs ?? Infinity;
}

/** The smallest slack of `stops`; undefined if no container of a Service was stopped. */
export function leastSlackMs(stops: readonly Stop[]): number | undefined {
  const slacks = stops.flatMap(({ slackMs }) => slackMs ?? []);
  return slacks.length === 0 ? undefined : Math.min(...slacks);
}
