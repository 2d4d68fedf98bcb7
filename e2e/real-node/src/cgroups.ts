// The control groups of the nodes' containers. They are the only part of a run that the kernel does not remove with its namespaces.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@kuperator/cluster';

const root = '/sys/fs/cgroup';
const prefix = 'kuperator-real-node-';

/**
 * How much more processor time the containers of a run get than other processes of the machine when there is not enough. They request so
 * little that they would starve beside the control plane and the tests, and a starved application fails its readiness probe.
 */
const processorShare = 20;
/** The file that sets the share, and its usual value: version 2, version 1. */
const processorWeights = { 'cpu.weight': 100, 'cpu.shares': 1024 };

/** Path of the control group of the run of process `pid`, below the root of each hierarchy. */
export function cgroupOf(pid: number): string {
  return `${prefix}${pid}`;
}

/**
 * Makes control group `path` in every hierarchy, with the same processors and memory as its parent.
 * @throws Error if this process may not
 */
export async function makeCgroup(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, path);
    await mkdir(folder, { recursive: true });
    // Version 1 accepts no process in a group in which these are not set.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = join(folder, file);
      if (existsSync(own) && (await readFile(own, 'utf8')).trim() === '') {
        await writeFile(own, await readFile(join(folder, '..', file)));
      }
    }
  }
}

/** Makes the control group of a whole run. */
export async function makeRunCgroup(pid: number): Promise<void> {
  const path = cgroupOf(pid);
  await makeCgroup(path);
  for (const hierarchy of await hierarchies()) {
    for (const [file, usual] of Object.entries(processorWeights)) {
      const own = join(hierarchy, path, file);
      if (existsSync(own)) await writeFile(own, `${usual * processorShare}`);
    }
  }
}

/** Removes the control groups of runs whose process has ended, and that of this run if `own` is given. Waits for their last processes to end. */
export async function removeCgroups({ own }: { own?: number } = {}): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const names = (await readdir(hierarchy)).filter((name) => name.startsWith(prefix));
    for (const name of names) {
      const pid = Number(name.slice(prefix.length));
      if (pid !== own && existsSync(`/proc/${pid}`)) continue;
      await removeTree(join(hierarchy, name));
    }
  }
}

/** The folder of each hierarchy: version 1 has one for each controller, version 2 only the root. */
async function hierarchies(): Promise<readonly string[]> {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  // The folder is busy until a killed process has fully ended.
  const removed = async () => {
    try {
      await rmdir(folder);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return true;
      if (code === 'EBUSY') return false;
      throw error;
    }
  };
  await waitUntil(removed, { what: `control group ${folder} to be empty`, timeoutMs: 10_000 });
}
