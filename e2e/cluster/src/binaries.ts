import { constants, existsSync } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { availableParallelism, freemem, homedir } from 'node:os';
import { basename, join } from 'node:path';
import { lock } from 'proper-lockfile';
import { BuildProgress, isLive } from './build-progress.ts';
import { type BinaryName, buildFlags, cacheFolderName, type Product, pinnedVersion, products } from './products.ts';
import { run } from './run.ts';

export type Progress = (line: string) => void;

const silent: Progress = () => {};

/** The location of the programs. `dir` is the root of the cache; `path` returns the absolute path of a program. */
export type Binaries = { dir: string; path(name: BinaryName): string };

/** The programs that a control plane with operators needs. A real node also needs `kubelet` and `kube-proxy`. */
export const controlPlaneBinaries: readonly BinaryName[] = [
  'etcd',
  'nats-server',
  'helm',
  'kwok',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
];

const kilobyte = 1024;
/** Linking kube-apiserver takes about 2 GiB; two links at once need twice that. */
const memoryPerBuildBytes = 3 * kilobyte ** 3;
/** After this time a lock is taken over, in case its holder was killed. */
const staleLockMs = 15_000;

/**
 * Builds the missing programs of `names` (default: all that a control plane needs) from the pinned Go modules under `binaries/`.
 * Cached under `$XDG_CACHE_HOME/kuperator/bin` (default `~/.cache`), a folder for each product and version; about 8 minutes on
 * 2 cores the first time, milliseconds after that. Concurrent runs build only once. Programs found in `$KUBEBUILDER_ASSETS` are used instead.
 * @throws Error if Go is missing or a build fails, with the end of the compiler's output
 */
export async function ensureBinaries(
  onProgress: Progress = silent,
  names: readonly BinaryName[] = controlPlaneBinaries,
): Promise<Binaries> {
  const { dir, path } = binaryPaths();
  const missing = await absent(names, path);
  if (missing.length === 0) return { dir, path };

  await requireGo();
  const queue = products.filter((product) => missing.some((name) => name in product.packages));
  const all = controlPlaneBinaries.every((name) => missing.includes(name))
    ? `, about ${expectedMinutes(availableParallelism())} minutes here`
    : '';
  onProgress(`building ${missing.join(', ')} from their Go modules: once${all}, cached in ${dir} after`);
  const live = onProgress !== silent && isLive(process.stderr, process.env) ? process.stderr : undefined;
  const progress = new BuildProgress(onProgress, { live });
  const builder = async () => {
    for (let product = queue.shift(); product; product = queue.shift()) {
      const wanted = missing.filter((name) => name in product.packages);
      const folder = join(dir, cacheFolderName(product, platformName()));
      await buildProduct(product, { names: wanted, folder, progress });
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrentBuilds(freemem(), availableParallelism()) }, builder));
  } finally {
    progress.end();
  }
  return { dir, path };
}

/** The location of the programs, whether they exist or not. Builds nothing. */
export function binaryPaths(env: NodeJS.ProcessEnv = process.env): Binaries {
  const dir = cacheDir(env);
  const assets = env.KUBEBUILDER_ASSETS;
  const path = (name: BinaryName): string => {
    const given = assets ? join(assets, name) : undefined;
    if (given !== undefined && existsSync(given)) return given;
    return join(dir, cacheFolderName(productOf(name), platformName()), name);
  };
  return { dir, path };
}

/** Number of products to build at once. One compiler already uses every core; a second build uses the idle time while the first links. */
export function concurrentBuilds(freeBytes: number, cores: number): number {
  return Math.max(1, Math.min(cores, 2, Math.floor(freeBytes / memoryPerBuildBytes)));
}

/** Estimated time to build everything for a control plane, from a measurement of 8 minutes on 2 cores. */
function expectedMinutes(cores: number): number {
  return Math.max(2, Math.ceil(16 / cores));
}

/** Root of the binary cache for an environment. */
export function cacheDir(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kuperator', 'bin');
}

type BuildOptions = {
  readonly names: readonly BinaryName[];
  /** The folder that the programs are put into. */
  readonly folder: string;
  readonly progress: BuildProgress;
};

/**
 * Builds `names` of `product` into `folder`. Holds a lock on the folder meanwhile, so that a second run waits and then finds everything
 * built. Moves each finished program into the folder by one rename, so that a reader sees a whole program or none.
 */
export async function buildProduct(product: Product, { names, folder, progress }: BuildOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  const release = await lockFolder(folder, product.name, progress);
  try {
    const missing = await absent(names, (name) => join(folder, name));
    if (missing.length === 0) return;
    await removeLeftOvers(folder);
    const version = pinnedVersion(await readFile(join(product.folder, 'go.mod'), 'utf8'), product.module);
    const started = performance.now();
    const what = `building ${product.name} ${version}`;
    progress.say(`${what}: ${missing.join(', ')}`);
    const steps = progress.begin(`${product.name} ${version}`);
    const scratch = join(folder, `.build-${process.pid}`);
    await mkdir(scratch, { recursive: true });
    const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' };
    const go = { cwd: product.folder, env, what };
    try {
      const targets = targetsOf(product, missing, scratch);
      const flags = buildFlags(product, version);
      steps.compiling(
        await packagesToCompile(
          flags,
          targets.flatMap(([, paths]) => paths),
          go,
        ),
      );
      for (const [target, paths] of targets) {
        // With -v the compiler prints each package when its compilation begins.
        const onErrorLine = (line: string) => line.startsWith('go: ') || steps.compiled();
        await run('go', ['build', '-v', ...flags, '-o', target, ...paths], { ...go, onErrorLine });
      }
    } finally {
      steps.end();
    }
    await Promise.all(missing.map((name) => rename(join(scratch, name), join(folder, name))));
    await rm(scratch, { recursive: true, force: true });
    progress.say(`built ${product.name} ${version} in ${Math.round((performance.now() - started) / 1000)} s`);
  } finally {
    await release();
  }
}

/** Locks the folder of a product. Reports it if another process, which builds the same product, has the lock. */
async function lockFolder(folder: string, name: string, progress: BuildProgress): Promise<() => Promise<void>> {
  const options = { stale: staleLockMs };
  try {
    return await lock(folder, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
  }
  progress.say(`another process is building ${name}: waiting for it`);
  const waiting = progress.begin(name, 'waiting');
  try {
    const retries = { retries: 3600, minTimeout: 200, maxTimeout: 1000, factor: 1.2 };
    return await lock(folder, { ...options, retries });
  } finally {
    waiting.end();
  }
}

/** Number of packages that Go's build cache does not have yet. Also downloads the modules. */
async function packagesToCompile(
  flags: readonly string[],
  paths: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; what: string },
): Promise<number> {
  const format = '{{if .Stale}}{{.ImportPath}}{{end}}';
  const stale = await run('go', ['list', '-deps', ...flags, '-f', format, ...paths], options);
  return stale.split('\n').filter((line) => line !== '').length;
}

/**
 * The arguments of `go build -o`: one call for all commands that are named like their package, so that they link in parallel, and one
 * call for each other command (a module's root package would be called "v3" or "server").
 */
function targetsOf(product: Product, names: readonly BinaryName[], scratch: string): [string, string[]][] {
  const paths = names.map((name) => ({ name, path: product.packages[name] ?? name }));
  const [sameName, otherName] = [
    paths.filter(({ name, path }) => basename(path) === name),
    paths.filter(({ name, path }) => basename(path) !== name),
  ];
  const together: [string, string[]][] = sameName.length > 0 ? [[`${scratch}/`, sameName.map(({ path }) => path)]] : [];
  return [...together, ...otherName.map(({ name, path }): [string, string[]] => [join(scratch, name), [path]])];
}

function productOf(name: BinaryName): Product {
  const product = products.find(({ packages }) => name in packages);
  if (!product) throw new Error(`no product builds ${name}`);
  return product;
}

function platformName(): string {
  return `${process.platform}-${process.arch}`;
}

async function absent(names: readonly BinaryName[], path: (name: BinaryName) => string): Promise<BinaryName[]> {
  const found = await Promise.all(
    names.map((name) =>
      access(path(name), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return names.filter((_, index) => !found[index]);
}

/** A build that was killed leaves its scratch folder. The next holder of the lock removes it. */
async function removeLeftOvers(folder: string): Promise<void> {
  const entries = await readdir(folder);
  await Promise.all(
    entries
      .filter((entry) => entry.startsWith('.build-'))
      .map((entry) => rm(join(folder, entry), { recursive: true, force: true })),
  );
}

async function requireGo(): Promise<void> {
  try {
    await run('go', ['version'], { what: 'asking Go for its version' });
  } catch (cause) {
    throw new Error(
      'Go is needed to build the control plane once: install Go 1.26 or newer (https://go.dev/dl) and put `go` on PATH, ' +
        'or set KUBEBUILDER_ASSETS to a folder that holds the programs',
      { cause },
    );
  }
}
