// The first process of the namespaces prepares separate folders for everything that a node writes to fixed places, and a network.
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '@kuperator/cluster';

/** The folder of all files of a run, in memory. The path is short, because it contains Unix sockets. */
export const stateFolder = '/run/kuperator';

/** The interface to which Pods are connected. Its addresses are those of the nodes. */
export const bridge = 'cni0';
export const podSubnet = '10.88.0.0/16';
export const firstPodAddress = '10.88.0.10';
export const nodeAddress = (number: number) => `10.88.0.${number}`;

/** Kubelet, containerd and the network plugins write here, whatever their settings. A run reads nothing from these folders. */
const hiddenFolders = ['/run', '/var/log'];
/** The same programs create folders here (`cni`, `kubelet`). The rest of the folder must stay readable. */
const sharedFolder = '/var/lib';

/** The kubelet sets these for the whole machine. In a run it sets copies instead. */
const kernelSettings = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

export async function prepareHost(): Promise<void> {
  for (const folder of hiddenFolders) {
    if (existsSync(folder)) await run('mount', ['-t', 'tmpfs', 'tmpfs', folder], { what: `hiding ${folder}` });
  }
  await mkdir(stateFolder, { mode: 0o700 });
  await keepChangesInMemory(sharedFolder);
  for (const setting of kernelSettings) {
    const [real, copy] = [join('/proc/sys', setting), join(stateFolder, 'sysctl', setting)];
    if (!existsSync(real)) continue;
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, await readFile(real));
    await run('mount', ['--bind', copy, real], { what: `hiding ${setting}` });
  }
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'add', bridge, 'type', 'bridge');
  await ip('link', 'set', bridge, 'up');
  await addNodeAddress(1);
  // No interface has the addresses of Services. Without a route, a connection to a Service would fail before it is redirected.
  await ip('route', 'add', 'default', 'via', nodeAddress(1));
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
}

/** From now on, writes below `folder` go to memory and not to the machine. */
async function keepChangesInMemory(folder: string): Promise<void> {
  const [upper, work] = ['changes', 'work'].map((name) => join(stateFolder, 'overlay', folder, name));
  for (const path of [upper, work]) await mkdir(path as string, { recursive: true });
  const layers = `lowerdir=${folder},upperdir=${upper},workdir=${work}`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, folder], { what: `keeping ${folder} unchanged` });
}

export async function addNodeAddress(number: number): Promise<void> {
  await ip('address', 'add', `${nodeAddress(number)}/16`, 'dev', bridge);
}

/** Copies the logs that a person needs to find out why a run failed. */
export async function keepLogs(target: string): Promise<void> {
  const wanted = (path: string) => /\.(log|jsonl|yaml|toml)$/.test(path) || !/\.[a-z]+$/.test(path);
  await cp(stateFolder, target, {
    recursive: true,
    filter: (path) =>
      wanted(path) && !/\/(containerd|kubelet|etcd|nats|charts|helm|pki|sysctl|images|tmp|overlay)$/.test(path),
  });
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args, { what: `ip ${args.join(' ')}` });
}
