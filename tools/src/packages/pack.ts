import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { type LibraryManifest, type Publication, publishedManifest, SCOPE, withDependencies } from './manifest.ts';
import { publishedCode, publishedMap, publishedReadme } from './published-text.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const exec = promisify(execFile);

/** What other teams build on. The libraries that these depend on are packed too. */
const LIBRARIES = ['api', 'events', 'lifecycle', 'runtime', 'resourceconsist'];

/**
 * Compiles the libraries and packs each into a tarball. The same sources give the same bytes.
 * @param options.scope prefix of the packages' names, e.g. `@kuperator/`
 * @param options.to the folder of the tarballs, which is emptied first
 * @returns the paths of the tarballs
 */
export async function packLibraries(options: { scope: string; to: string }): Promise<readonly string[]> {
  const { scope, to } = options;
  const manifests = new Map<string, LibraryManifest>();
  for (const library of await readdir(join(root, 'libs'))) {
    manifests.set(library, await readJson<LibraryManifest>(join(root, 'libs', library, 'package.json')));
  }
  const manifestOf = (library: string) => {
    const manifest = manifests.get(library);
    if (!manifest) throw new Error(`there is no library ${library}`);
    return manifest;
  };
  const libraries = withDependencies(LIBRARIES, manifestOf);
  const { license, engines } = await readJson<{ license: string; engines: object }>(join(root, 'package.json'));
  const versions = new Map(libraries.map((library) => [`${SCOPE}${library}`, manifestOf(library).version]));
  const publication: Publication = { scope, versions, license, engines };

  const stage = await mkdtemp(join(tmpdir(), 'kuperator-packages-'));
  try {
    const compiled = join(stage, 'compiled');
    await compile(libraries, compiled);
    for (const library of libraries) {
      const manifest = publishedManifest(manifestOf(library), publication);
      await writePackage({
        library,
        manifest,
        scope,
        compiled: join(compiled, library, 'src'),
        to: join(stage, library),
      });
    }
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true });
    const folders = libraries.map((library) => `./${library}`);
    await exec('npm', ['pack', ...folders, `--pack-destination=${to}`, '--ignore-scripts', '--silent'], { cwd: stage });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return (await readdir(to)).toSorted().map((file) => join(to, file));
}

/** Compiles what the index of each library needs, so no tests, to `<outDir>/<library>/src`. */
async function compile(libraries: readonly string[], outDir: string): Promise<void> {
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: false,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      declaration: true,
      sourceMap: true,
      inlineSources: true,
      rootDir: join(root, 'libs'),
      outDir,
      // Found by way of node_modules, a library would count as a foreign one: the compiler writes no output for its files, or only for some.
      paths: { [`${SCOPE}*`]: [join(root, 'libs', '*', 'src', 'index.ts')] },
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    files: libraries.map((library) => join(root, 'libs', library, 'src', 'index.ts')),
  };
  await mkdir(outDir);
  const file = join(outDir, 'tsconfig.json');
  await writeFile(file, JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  // The compiler reports on stdout.
  await exec(process.execPath, [tsc, '--project', file]).catch((error: { stdout: string }) => {
    throw new Error(`compiling ${libraries.join(', ')}: ${error.stdout}`, { cause: error });
  });
}

async function writePackage(options: {
  library: string;
  manifest: object;
  scope: string;
  compiled: string;
  to: string;
}): Promise<void> {
  const { library, manifest, scope, compiled, to } = options;
  for (const file of await readdir(compiled, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name).slice(compiled.length + 1);
    const text = await readFile(join(compiled, path), 'utf8');
    const target = join(to, 'lib', path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, path.endsWith('.map') ? publishedMap(text, sourceOf(path)) : publishedCode(text, scope));
  }
  const readme = await readFile(join(root, 'libs', library, 'README.md'), 'utf8');
  await writeFile(join(to, 'README.md'), publishedReadme(readme, scope));
  await writeFile(join(to, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await cp(join(root, 'LICENSE'), join(to, 'LICENSE'));
}

/** `cache/informer.js.map` → `../../src/cache/informer.ts`, from the map's folder. The map itself contains the text. */
function sourceOf(map: string): string {
  const source = posix.join('src', map.replace(/\.js\.map$/, '.ts'));
  return posix.relative(posix.dirname(posix.join('lib', map)), source);
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}
