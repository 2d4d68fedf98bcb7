// What single functions cost, without a cluster. They are an operator's own, which nobody may import: each operator has a script
// that measures them, run here in a process of its own.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** One evaluation of a rule object under which `pods` wait: CPU of the first one, and of one that finds nothing new. */
export type EvaluationCost = {
  readonly pods: number;
  readonly firstMs: number;
  readonly againMs: number;
  readonly statusBytes: number;
};

/** One event of a Pod in the coordinator: so many labels besides the lifecycle's, so many rule objects, Services and waiting Pods beside it. */
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
