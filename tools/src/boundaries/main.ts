import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { importsOf } from './imports.ts';
import type { Layers } from './layers.ts';
import { type Package, violations } from './rules.ts';

type Manifest = {
  name: string;
  workspaces?: string[];
  nx?: { tags?: string[] };
  kuperator?: { layers?: Layers };
} & Partial<Record<'dependencies' | 'devDependencies' | 'optionalDependencies' | 'peerDependencies', object>>;

const root = join(import.meta.dirname, '..', '..', '..');
const rootManifest = manifestIn('.');
const folders = (rootManifest.workspaces ?? [])
  .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: root }))
  .map((path) => dirname(path));

const found = violations(folders.map(packageIn), declaredIn(rootManifest));
for (const violation of found) console.error(violation);
console.log(
  found.length === 0
    ? `${folders.length} packages keep to their boundaries`
    : `${found.length} violations of a boundary`,
);
process.exitCode = found.length === 0 ? 0 : 1;

function packageIn(folder: string): Package {
  const manifest = manifestIn(folder);
  const type = manifest.nx?.tags?.find((tag) => tag.startsWith('type:'))?.slice('type:'.length);
  if (type !== 'app' && type !== 'lib' && type !== 'test') {
    throw new Error(`${folder}/package.json: nx.tags needs type:app, type:lib or type:test`);
  }
  const files = globSync('**/*.ts', { cwd: join(root, folder), exclude: ['node_modules', 'dist'] }).map((path) => ({
    path,
    imports: importsOf(readFileSync(join(root, folder, path), 'utf8')),
  }));
  return {
    name: manifest.name,
    folder,
    type,
    declared: declaredIn(manifest),
    layers: manifest.kuperator?.layers ?? {},
    files,
  };
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}

function declaredIn(manifest: Manifest): string[] {
  return [
    manifest.dependencies,
    manifest.devDependencies,
    manifest.optionalDependencies,
    manifest.peerDependencies,
  ].flatMap((each) => Object.keys(each ?? {}));
}
