// Measures the cost of single functions without a cluster. No package may import the functions of an operator, so each operator has a
// script that measures them, and this file runs the scripts as processes.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** An evaluation of a rule object under which `pods` wait: CPU time of the first one, and of one that finds nothing new. */
export type EvaluationCost = {
  readonly pods: number;
  readonly firstMs: number;
  readonly againMs: number;
  readonly statusBytes: number;
};

/** An event of a Pod in the coordinator: number of labels besides the lifecycle labels, and number of other rule objects, Services and waiting Pods. */
export type PodEventCost = { readonly labels: number; readonly others: number; readonly microseconds: number };

export async function measureEvaluation(sizes: readonly number[]): Promise<readonly EvaluationCost[]> {
  return run('apps/podtransitionrule-engine/src/test/measure-evaluation.ts', sizes.map(String));
}

export async function measurePodEvent(
  labels: readonly number[],
  others: readonly number[],
): Promise<readonly PodEventCost[]> {
  const sizes = others.flatMap((each) => labels.map((label) => `${label}/${each}`));
  return run('apps/podopslifecycle-coordinator/src/test/measure-pod-event.ts', sizes);
}

async function run<T>(script: string, sizes: readonly string[]): Promise<T> {
  const root = join(import.meta.dirname, '..', '..', '..');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'tools/bootstrap.mjs'), join(root, script), ...sizes],
    { cwd: root },
  );
  return JSON.parse(stdout) as T;
}
