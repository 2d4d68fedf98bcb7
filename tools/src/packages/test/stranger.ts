// A folder as another team has it: the example and the packed packages, and nothing else of this repository.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { packLibraries } from '../pack.ts';

const EXAMPLE = 'adapter-http-registry';
const examplesFolder = join(import.meta.dirname, '..', '..', '..', '..', 'examples');

export type Stranger = {
  /** The paths of the tarballs. */
  readonly tarballs: readonly string[];
  /** The folder of the example. */
  readonly example: string;
  /** Runs a program in the folder of the example. @returns its stdout @throws Error with what it printed */
  run(command: string, ...args: string[]): Promise<string>;
  remove(): Promise<void>;
};

/** Packs the packages and installs the example's dependencies, as `npm run packages` and `npm install` do. */
export async function aStranger(): Promise<Stranger> {
  const folder = await mkdtemp(join(tmpdir(), 'kuperator-stranger-'));
  const example = join(folder, 'examples', EXAMPLE);
  const run = (command: string, ...args: string[]) => runIn(example, command, args);
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const tarballs = await packLibraries({ scope: '@kuperator/', to: join(folder, 'dist', 'packages') });
    await cp(join(examplesFolder, EXAMPLE), example, {
      recursive: true,
      filter: (path) => !['node_modules', 'dist'].includes(basename(path)),
    });
    await run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
    return { tarballs, example, run, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function runIn(cwd: string, command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`, { cause });
  }
}
