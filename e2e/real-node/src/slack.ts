// Was a container asked to stop before or after new connections had stopped coming to it?
import type { RouteChange } from './routes.ts';

/** What the application in a container recorded. */
export type Signal = {
  atMs: number;
  what: 'START' | 'SIGTERM' | 'EXIT';
  pod: string;
  ip: string;
  version: string;
};

/** A change of a Service's endpoints in the API server: `ip` is ready, or no longer. */
export type SliceChange = { atMs: number; ip: string; ready: boolean };

export type Stop = {
  pod: string;
  /** From the packet filter without the Pod to its SIGTERM. Negative: so much too early. undefined: it was in no Service. */
  slackMs: number | undefined;
  /** From the EndpointSlice without the Pod to the packet filter without it. */
  proxyLagMs: number | undefined;
};

/** One entry for each SIGTERM among `signals`. Each list is in order of time. */
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

/** When the last route to a Pod was removed before its SIGTERM; if it had one then, when that was removed. */
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
