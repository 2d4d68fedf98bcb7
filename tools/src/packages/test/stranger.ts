// A folder as another team has it: the example and the packed packages, and nothing else of this repository.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { packLibraries } from '../pack.ts';

const EXAMPLE = 'adapter-http-registry';
const examplesFolder = join(import.meta.dirname, '..', '..', '..', '..', 'examples');

/** The packed libraries. */
export const PACKAGES = ['api', 'events', 'lifecycle', 'resourceconsist', 'runtime'] as const;

const everyPackage = [
  ...PACKAGES.map((name) => `import * as ${name} from '@kuperator/${name}';`),
  `const packages: Record<string, object> = { ${PACKAGES.join(', ')} };`,
  'console.log(Object.keys(packages).filter((name) => Object.keys(packages[name] ?? {}).length > 0).join());',
].join('\n');

export type Stranger = {
  /** The paths of the tarballs. */
  readonly tarballs: readonly string[];
  /** The folder of the example. */
  readonly example: string;
  /** Runs a program in the folder of the example. @returns its stdout @throws Error with what it printed */
  run(command: string, ...args: string[]): Promise<string>;
  remove(): Promise<void>;
};

/**
 * Packs the packages, installs the example's dependencies and compiles it, as `npm run packages`, `npm install` and `npm run build` do. Beside
 * the example's own files there is one that uses every package, `every-package.ts`, which prints their names.
 */
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
    // The tarballs that the example does not list are installed too.
    await run('npm', 'install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', '--silent', ...tarballs);
    await writeFile(join(example, 'src', 'every-package.ts'), everyPackage);
    await run('npm', 'run', 'build');
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
