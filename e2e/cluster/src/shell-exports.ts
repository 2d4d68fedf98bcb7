import { dirname } from 'node:path';
import type { Cluster } from './options.ts';

/** Lines for a shell to evaluate, after which kubectl and other programs use the cluster. */
export function shellExports({ env, kubectlPath }: Pick<Cluster, 'env' | 'kubectlPath'>): readonly string[] {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
  // The kubectl of the cluster's version comes before any other.
  return [...lines, `export PATH=${quoted(dirname(kubectlPath))}:"$PATH"`];
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
