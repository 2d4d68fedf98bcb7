import { appendFile, readFile } from 'node:fs/promises';
import { type Cluster, waitUntil } from '@kuperator/cluster';
import { expect } from 'vitest';
import { type Application, DEADLINE_MS } from './application.ts';
import { environment, resultsFile, routesFile } from './environment.ts';
import { readSignals, readSliceChanges } from './evidence.ts';
import { type Failure, Load } from './load.ts';
import type { Result } from './report.ts';
import type { RouteChange } from './routes.ts';
import { leastSlackMs, type Stop, stopsOf } from './slack.ts';

/** How long after the last stop the packet filter is read, so that it has had the time to lose the Pod. */
const settleMs = 200;

type MeasureOptions = {
  cluster: Cluster;
  application: Application;
};

export type Measured = {
  failures: readonly Failure[];
  /** Each container that was asked to stop. */
  stops: readonly Stop[];
};

/**
 * Repeats `act` until enough requests have gone through the Service, and writes a line of the report.
 * @param act returns once the application has no operation
 */
export async function measure(
  title: string,
  { cluster, application }: MeasureOptions,
  act: (round: number) => Promise<void>,
): Promise<Measured> {
  const { load: program, rate, requests } = environment();
  await allRouted(application);
  const startedAtMs = Date.now();
  const load = await Load.start(cluster, { name: application.name, program, url: await application.url(), rate });
  let done = 0;
  let stopped: Awaited<ReturnType<Load['stop']>> | undefined;
  try {
    do await act(done++);
    while ((await load.counts()).sent < requests);
  } finally {
    stopped = await load.stop();
  }
  const seconds = (Date.now() - startedAtMs) / 1000;
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const stops = await stopsSince(startedAtMs, application.name);
  const { counts, failures } = stopped;
  const lags = stops.flatMap(({ proxyLagMs }) => proxyLagMs ?? []);
  const result: Result = {
    title,
    rounds: done,
    seconds,
    sent: counts.sent,
    failed: counts.failed,
    stops: stops.length,
    leastSlackMs: leastSlackMs(stops) ?? null,
    mostProxyLagMs: lags.length === 0 ? null : Math.max(...lags),
  };
  await appendFile(resultsFile, `${JSON.stringify(result)}\n`);
  return { failures, stops };
}

/** Asserts that no request was lost, and that every Pod was out of the packet filter before its container was asked to stop. */
export function expectNothingLost({ failures, stops }: Measured): void {
  expect(failures).toEqual([]);
  expect(stops.filter(({ slackMs }) => slackMs === undefined || slackMs <= 0)).toEqual([]);
}

/**
 * Waits until the packet filter has a rule for every Pod of the Service. An earlier connection leaves an entry in the kernel's connection
 * table, and then a later connection from the same port fails too.
 */
async function allRouted(application: Application): Promise<void> {
  const addresses = application.pods().flatMap(({ status }) => status?.podIP ?? []);
  const routed = async () => {
    const routes = await readRoutes();
    return addresses.every((ip) => routes.findLast((change) => change.ip === ip)?.routed === true);
  };
  await waitUntil(routed, { what: `kube-proxy to know ${application.name}`, timeoutMs: DEADLINE_MS, everyMs: 100 });
}

async function stopsSince(sinceMs: number, application: string): Promise<readonly Stop[]> {
  const signals = (await readSignals(application)).filter(({ atMs }) => atMs >= sinceMs);
  return stopsOf(signals, await readRoutes(), await readSliceChanges());
}

async function readRoutes(): Promise<readonly RouteChange[]> {
  const lines = (await readFile(routesFile, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RouteChange);
}
