// A run has its own namespaces for processes, mounts and network. When its first process ends, the kernel ends all other processes of
// the run, including containers, and removes their mounts, interfaces and packet filter. So nothing of a run is left on the machine,
// however the run ends, except its control groups.
import { type ChildProcess, spawn } from 'node:child_process';
import { type Progress, run } from '@kuperator/cluster';
import { makeRunCgroup, removeCgroups } from './cgroups.ts';
import { isInstalled, systemPath } from './packages.ts';

const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** The reason why no node can run on this machine; undefined if one can. */
export async function obstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `a node needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'a node needs root';
  if (!(await isInstalled('go')))
    return 'kubelet, kube-proxy and the programs of the Pods are built with Go, which is missing';
  try {
    await run('unshare', [...namespaces, 'true'], { env: { PATH: systemPath }, what: 'making namespaces' });
    await makeRunCgroup(process.pid);
    await removeCgroups({ own: process.pid });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Runs `node <script> <args>` as the first process of new namespaces. It ends when this process ends (its stdin closes).
 * @returns its exit code, or 1 if it was killed
 */
export async function runInSandbox(script: string, args: readonly string[], onProgress: Progress): Promise<number> {
  await removeCgroups(); // of earlier runs that were killed
  await makeRunCgroup(process.pid);
  let child: ChildProcess | undefined;
  const end = () => {
    onProgress('interrupted: removing what was started');
    child?.kill('SIGKILL');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  try {
    return await new Promise((resolve, reject) => {
      // The child has its own session, so that Ctrl-C reaches only this process and everything is removed in order.
      child = spawn('unshare', [...namespaces, process.execPath, script, ...args], {
        detached: true,
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { ...process.env, PATH: systemPath },
      });
      child.on('error', reject);
      child.on('spawn', () => onProgress(`to look inside: nsenter --all --target=$(pgrep --parent=${child?.pid})`));
      child.on('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    for (const signal of signals) process.off(signal, end);
    await removeCgroups({ own: process.pid });
  }
}
