// The settings that the first process of the namespaces passes to the tests that it runs.
import { join } from 'node:path';
import { stateFolder } from './host.ts';
import type { Programs } from './images.ts';

export const clusterName = 'real-node';
export const routesFile = join(stateFolder, 'routes.jsonl');
export const resultsFile = join(stateFolder, 'results.jsonl');
const variable = 'KUPERATOR_REAL_NODE';

export type Environment = Programs & {
  /** Control group of the run. */
  cgroup: string;
  /** Requests a second. */
  rate: number;
  /** Minimum number of requests for every operation. */
  requests: number;
};

export function environmentFor(environment: Environment): Record<string, string> {
  return { [variable]: JSON.stringify(environment) };
}

/** @throws Error outside the namespaces of a run */
export function environment(): Environment {
  const value = process.env[variable];
  if (value === undefined) throw new Error('these tests need a real node: npm run e2e:real-node');
  return JSON.parse(value) as Environment;
}
