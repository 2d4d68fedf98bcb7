// The programs of the operating system that a node needs.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Progress, run } from '@kuperator/cluster';

/** Debian's folder for the plugins of the Container Network Interface. */
export const cniPluginFolder = '/usr/lib/cni';

/** A Debian package, and the programs in it that are used. */
const packages: Readonly<Record<string, readonly string[]>> = {
  containerd: ['containerd', 'containerd-shim-runc-v2', 'ctr'],
  runc: ['runc'],
  'containernetworking-plugins': ['bridge', 'host-local', 'portmap'].map((plugin) => join(cniPluginFolder, plugin)),
  iptables: ['iptables', 'iptables-restore', 'xtables-monitor'],
  conntrack: ['conntrack'],
  iproute2: ['ip'],
};

/** PATH of all processes on the node. The PATH of a login shell may lack `sbin`, where Debian keeps half of these programs. */
export const systemPath = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(
  delimiter,
);

/** Debian packages of which a program is missing. */
export async function missingPackages(): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const [name, programs] of Object.entries(packages)) {
    const found = await Promise.all(programs.map(isInstalled));
    if (found.includes(false)) missing.push(name);
  }
  return missing;
}

/**
 * Installs `names` by apt. They stay installed.
 * @throws Error if there is no apt, with the packages to install by hand
 */
export async function installPackages(names: readonly string[], onProgress: Progress): Promise<void> {
  if (!(await isInstalled('apt-get'))) {
    throw new Error(`install ${names.join(', ')}: the run installs them only on Debian and Ubuntu`);
  }
  onProgress(`installing ${names.join(', ')}`);
  const env = { ...process.env, PATH: systemPath, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '--quiet'], { env, what: 'apt-get update' });
  await run('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', ...names], {
    env,
    what: `installing ${names.join(', ')}`,
  });
}

/** @param program an absolute path, or a name that is searched for in `systemPath` */
export async function isInstalled(program: string): Promise<boolean> {
  const candidates = program.startsWith('/')
    ? [program]
    : systemPath.split(delimiter).map((folder) => join(folder, program));
  const found = await Promise.all(
    candidates.map((path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
