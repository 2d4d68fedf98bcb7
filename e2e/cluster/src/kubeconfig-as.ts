import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './options.ts';

/**
 * Writes the cluster administrator's kubeconfig, acting as `user` in `groups`: with the rights of these alone, and named so in the audit log.
 * @returns the file's path, in the cluster's folder
 */
export async function kubeconfigAs(cluster: Cluster, user: string, groups: readonly string[] = []): Promise<string> {
  type Kubeconfig = { users: { name: string; user: object }[] };
  const config = JSON.parse(await readFile(cluster.kubeconfigPath, 'utf8')) as Kubeconfig;
  const users = config.users.map((each) => ({ ...each, user: { ...each.user, as: user, 'as-groups': groups } }));
  const file = join(cluster.dir, `${user.replaceAll(':', '-')}.kubeconfig`);
  await writeFile(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return file;
}
