// The state on disk while a cluster is up: one folder for each cluster, which every command finds by the cluster's name.
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lock } from 'proper-lockfile';
import type { SlbAccess } from './slb.ts';

/** Written as `cluster.json` in the folder of a cluster. */
export type ClusterRecord = {
  name: string;
  /** Every port of the cluster is in `portBase … portBase + portsPerCluster - 1`. */
  portBase: number;
  supervisorPid: number;
  kubeconfigPath: string;
  natsUrl: string;
  /** True if we started the control plane, false if the user gave a kubeconfig. */
  ownControlPlane: boolean;
  /** Where the local SLB server is, if it runs. */
  slb?: SlbAccess;
  /** Operator apps whose charts were installed. */
  operators: readonly string[];
  ready: boolean;
};

export const portsPerCluster = 128;
/** Below the range of ports that Linux uses for outgoing connections, so that no connection takes a port between check and use. */
const portRange = { first: 16_000, last: 32_000 };

/** A Unix socket's path must fit in 104 bytes on some systems. */
const longestSocketPath = 103;

/** Folder of all clusters of this user. */
export function clustersRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_STATE_HOME || tmpdir(), 'kuperator', 'clusters');
}

export function clusterFolder(name: string): string {
  return join(clustersRoot(), name);
}

export function socketPath(dir: string): string {
  return join(dir, 'control.sock');
}

/** Throws unless `name` can name a folder, a socket in it and a NATS subject token. */
export function checkName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
    throw new Error(`cluster name "${name}": use 1 to 40 lower-case letters, digits and "-"`);
  }
  const path = socketPath(clusterFolder(name));
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new Error(`${path} is too long for a socket: shorten the name, or XDG_STATE_HOME or TMPDIR`);
  }
}

/** The record of a cluster; undefined if there is no cluster with that name. */
export async function readRecord(name: string): Promise<ClusterRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(clusterFolder(name), 'cluster.json'), 'utf8')) as ClusterRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`reading the record of cluster ${name}`, { cause: error });
  }
}

export async function writeRecord(record: ClusterRecord): Promise<void> {
  const file = join(clusterFolder(record.name), 'cluster.json');
  await writeFile(file, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
}

/** Names of all clusters that have a folder, whether they run or not. */
export async function clusterNames(): Promise<string[]> {
  const entries = await readdir(clustersRoot(), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .toSorted();
}

/** Creates the folder of a new cluster and assigns a block of ports that no other cluster has. Throws if the name is taken. */
export async function claimCluster(name: string): Promise<ClusterRecord> {
  const root = clustersRoot();
  await mkdir(root, { recursive: true, mode: 0o700 });
  const release = await lock(root, {
    lockfilePath: join(root, '.lock'),
    stale: 10_000,
    retries: { retries: 300, minTimeout: 50, maxTimeout: 200 },
  });
  try {
    const others = await Promise.all((await clusterNames()).map(readRecord));
    await mkdir(clusterFolder(name), { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause;
      throw new Error(`cluster ${name} exists already: \`down --name ${name}\` removes it`, { cause });
    });
    const portBase = await freePortBlock(new Set(others.flatMap((other) => other?.portBase ?? [])));
    const record: ClusterRecord = {
      name,
      portBase,
      supervisorPid: 0,
      kubeconfigPath: '',
      natsUrl: '',
      ownControlPlane: true,
      operators: [],
      ready: false,
    };
    await writeRecord(record);
    return record;
  } finally {
    await release();
  }
}

/** Removes the folder of a cluster, and its parents if they are empty then. */
export async function removeClusterFolder(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  for (const parent of [dirname(dir), dirname(dirname(dir))]) await rmdir(parent).catch(() => {}); // not empty: other clusters use it
}

async function freePortBlock(taken: ReadonlySet<number>): Promise<number> {
  const blocks = Math.floor((portRange.last - portRange.first) / portsPerCluster);
  // Each user has a separate state folder, so start at a random block: two users then rarely try the same one.
  const offset = Math.floor(Math.random() * blocks);
  for (let tried = 0; tried < blocks; tried++) {
    const base = portRange.first + ((offset + tried) % blocks) * portsPerCluster;
    if (!taken.has(base) && (await isFree(base))) return base;
  }
  throw new Error('every block of ports is taken by another cluster');
}

/** Gives out the free loopback ports of a cluster's block, one after the other. */
export class Ports {
  readonly #end: number;
  #next: number;

  constructor(base: number) {
    this.#next = base;
    this.#end = base + portsPerCluster;
  }

  async take(): Promise<number> {
    while (this.#next < this.#end) {
      const port = this.#next++;
      if (await isFree(port)) return port;
    }
    throw new Error(`no free port left below ${this.#end}`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
