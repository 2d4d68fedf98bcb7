import { createReadStream, existsSync, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAlive } from './cluster.ts';
import type { ClusterProcess } from './options.ts';
import { waitUntil } from './probe.ts';
import { run } from './run.ts';
import { attachCluster } from './start.ts';
import { checkName, clusterFolder, clusterNames, readRecord, removeClusterFolder } from './state.ts';
import { SupervisorClient, SupervisorSilentError } from './supervisor-client.ts';

export type ClusterSummary = {
  name: string;
  /** `broken`: the supervisor was killed; `down` still removes everything. `not answering`: the supervisor is paused or too busy. */
  state: 'up' | 'starting' | 'broken' | 'not answering';
  processes: readonly ClusterProcess[];
};

/** All clusters of this user. */
export async function listClusters(): Promise<readonly ClusterSummary[]> {
  const summaries = await Promise.all((await clusterNames()).map(summaryOf));
  return summaries.filter((summary) => summary !== undefined);
}

/** @returns undefined for a cluster that has been removed meanwhile, for example after a SIGTERM of its supervisor */
async function summaryOf(name: string): Promise<ClusterSummary | undefined> {
  // If the supervisor was killed, the last lines may be missing, or the cluster may just be being removed.
  const record = await readRecord(name).catch(() => undefined);
  try {
    const client = await SupervisorClient.connect(clusterFolder(name));
    return { name, state: record?.ready ? 'up' : 'starting', processes: client.processes() };
  } catch (error) {
    if (!existsSync(clusterFolder(name))) return undefined;
    const isSilent = error instanceof SupervisorSilentError;
    return { name, state: isSilent ? 'not answering' : 'broken', processes: [] };
  }
}

/** Stops the cluster called `name` and removes its folder, even if its supervisor was killed. Throws if there is no such cluster. */
export async function clusterDown(name: string): Promise<void> {
  checkName(name);
  const dir = clusterFolder(name);
  if (!existsSync(dir)) throw new Error(`no cluster ${name}`);
  if (await hasSupervisor(dir)) {
    const cluster = await attachCluster(name);
    await cluster.down();
  } else {
    await killOrphans(dir);
    await removeClusterFolder(dir);
  }
}

async function hasSupervisor(dir: string): Promise<boolean> {
  return SupervisorClient.connect(dir).then(
    () => true,
    () => false,
  );
}

/** Kills the processes in the pid files of `dir`, but only if an id still belongs to the process that was started, and was not re-used. */
async function killOrphans(dir: string): Promise<void> {
  const files = (await readdir(dir)).filter((file) => file.endsWith('.pid'));
  for (const file of files) {
    const pid = Number(await readFile(join(dir, file), 'utf8'));
    if (!(await belongsTo(pid, dir, basename(file, '.pid')))) continue;
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => !isAlive(pid), { what: `process ${pid} to end`, timeoutMs: 10_000 });
  }
}

/** The control plane has the folder in its arguments; operators have it in their environment. */
async function belongsTo(pid: number, dir: string, name: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return false;
  const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  const command = await run('ps', ['-o', 'command=', '-p', String(pid)], { what: `inspecting process ${pid}` }).catch(
    () => '',
  );
  return command.includes(dir) || environ.includes(dir) || command.includes(`/apps/${name.replace(/-\d+$/, '')}/src/`);
}

/** Prints the log of a process of a cluster. With `follow`, continues until it is interrupted or the cluster is stopped. */
export async function showLog(name: string, processName: string, follow: boolean): Promise<void> {
  checkName(name);
  const file = join(clusterFolder(name), `${basename(processName)}.log`);
  if (!existsSync(file)) {
    const logs = await readdir(clusterFolder(name)).catch(() => []);
    const there = logs.filter((log) => log.endsWith('.log')).map((log) => basename(log, '.log'));
    throw new Error(`no log of ${processName} in cluster ${name}; there are ${there.join(', ') || 'none'}`);
  }
  let printed = await printFrom(file, 0);
  if (!follow) return;
  for await (const _ of changesOf(file)) {
    if (!existsSync(file)) return;
    const { size } = await stat(file);
    printed = await printFrom(file, size < printed ? 0 : printed);
  }
}

async function* changesOf(file: string): AsyncGenerator<void> {
  const watcher = watch(file);
  try {
    while (true) {
      await new Promise<void>((resolve) => watcher.once('change', () => resolve()));
      yield;
    }
  } finally {
    watcher.close();
  }
}

/** Prints `file` from byte `start`, and returns the position of its end. */
async function printFrom(file: string, start: number): Promise<number> {
  let end = start;
  for await (const chunk of createReadStream(file, { start })) {
    end += (chunk as Buffer).length;
    process.stdout.write(chunk as Buffer);
  }
  return end;
}
