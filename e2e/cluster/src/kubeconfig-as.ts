import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './options.ts';

/**
 * Writes a kubeconfig of the cluster administrator that impersonates `user` in `groups`. It has only their rights, and the audit log names `user`.
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
