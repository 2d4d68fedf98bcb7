// Reads what the operators report (logs, metrics, readiness) and what the API server's audit log reports about them.

import { readFile } from 'node:fs/promises';
import type { Cluster, ClusterProcess } from '@kuperator/cluster';
import type { AuditLog } from '@kuperator/observer';

export const OPERATORS = [
  'collaset-controller',
  'podopslifecycle-coordinator',
  'podtransitionrule-engine',
  'endpointslice-adapter',
] as const;

/** Two replicas of each operator. */
export const TWO_REPLICAS = Object.fromEntries(OPERATORS.map((app) => [app, 2]));

type Readiness = { status: number; checks: Record<string, { ok: boolean; required: boolean; detail?: string }> };

export function operatorProcesses(cluster: Cluster): readonly ClusterProcess[] {
  return cluster.processes().filter(({ name }) => OPERATORS.some((app) => name.startsWith(app)));
}

/** The answer of `/readyz` of a process. */
export async function readinessOf({ httpPort }: ClusterProcess): Promise<Readiness> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
  const { checks } = (await response.json()) as Pick<Readiness, 'checks'>;
  return { status: response.status, checks };
}

/** Number of passes of a process, from its metrics. */
export async function passesOf({ httpPort }: ClusterProcess): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  const counts = (await response.text()).matchAll(/^kuperator_reconcile_seconds_count(?:\{.*\})? (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/**
 * Rights that an operator lacked since `audit` was last read. Also missing rights and uncaught errors in the logs, since the start.
 */
export async function complaintsOf(cluster: Cluster, audit: AuditLog): Promise<readonly string[]> {
  const refused = (await audit.read())
    .filter(({ byOperator, code }) => byOperator && code === 403)
    .map(({ client, verb, resource }) => `${client} may not ${verb} ${resource}`);
  const processes = operatorProcesses(cluster);
  const crashed = processes.filter(({ state }) => state === 'crashed').map(({ name, ended }) => `${name}: ${ended}`);
  const logs = await Promise.all(
    processes.map(async ({ name, logFile }) => {
      const lines = (await readFile(logFile, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.filter(isComplaint).map((line) => `${name}: ${line}`);
    }),
  );
  return [...refused, ...crashed, ...logs.flat()];
}

/** A line that is not JSON comes from Node.js itself, as part of a stack trace. */
function isComplaint(line: string): boolean {
  return !line.startsWith('{') || line.includes('"level":"fatal"') || /Forbidden|"status":403/.test(line);
}
