import { posix } from 'node:path';
import { isTestFile } from './test-files.ts';

/**
 * The order of the folders and files in some folders of a package, as its package.json declares it under `kuperator.layers`:
 * `{ "src": ["process", "client", ["cache", "shards"], "controller"] }`. The lowest layer comes first. A layer is one name,
 * or a list of names that do not import each other. A name is that of a folder, or of a file with its `.ts`.
 */
export type Layers = Readonly<Record<string, readonly (string | readonly string[])[]>>;

type LayeredPackage = {
  readonly layers: Layers;
  /** Paths and relative imports of every file, both relative to the package's folder. */
  readonly files: readonly { readonly path: string; readonly imports: readonly string[] }[];
};

/**
 * Every import against the declared order, and every mistake in the declaration, as `<path>: <what is wrong>`.
 * Files that the declaration does not name stand above all layers. Every folder must be named, except `test`.
 * Types count as any other import; tests may import from every layer.
 */
export function layerViolations({ layers, files }: LayeredPackage): string[] {
  return Object.entries(layers).flatMap(([base, order]) => {
    const levels = levelsOf(order);
    const code = files.filter(({ path }) => path.startsWith(`${base}/`) && !isTestFile(path));
    return [
      ...declarationProblems(base, levels, code),
      ...code.flatMap((file) => importProblems({ base, levels, file })),
    ];
  });
}

type Levels = ReadonlyMap<string, number>;

function levelsOf(order: Layers[string]): Levels {
  return new Map(order.flatMap((layer, level) => [layer].flat().map((name) => [name, level] as const)));
}

/** The name of the folder or file in `base` that a path belongs to. */
function nameIn(base: string, path: string): string {
  return path.slice(base.length + 1).split('/')[0] ?? '';
}

function declarationProblems(base: string, levels: Levels, files: LayeredPackage['files']): string[] {
  const present = new Set(files.map(({ path }) => nameIn(base, path)));
  const stale = [...levels.keys()]
    .filter((name) => !present.has(name))
    .map((name) => `package.json: the layers of ${base} name ${name}, which does not exist`);
  const unordered = [...present]
    .filter((name) => !name.endsWith('.ts') && !levels.has(name))
    .map((name) => `package.json: the layers of ${base} do not name its folder ${name}`);
  return [...stale, ...unordered];
}

function importProblems({
  base,
  levels,
  file,
}: {
  base: string;
  levels: Levels;
  file: LayeredPackage['files'][number];
}): string[] {
  const from = nameIn(base, file.path);
  const fromLevel = levels.get(from) ?? Number.POSITIVE_INFINITY;
  return file.imports.flatMap((specifier) => {
    if (!specifier.startsWith('.')) return [];
    const target = posix.join(posix.dirname(file.path), specifier);
    if (!target.startsWith(`${base}/`) || isTestFile(target)) return [];
    const to = nameIn(base, target);
    const toLevel = levels.get(to) ?? Number.POSITIVE_INFINITY;
    if (to === from || toLevel < fromLevel || fromLevel === Number.POSITIVE_INFINITY) return [];
    return [`${file.path}: imports ${specifier}: ${whyNot({ base, levels, from, to })}`];
  });
}

function whyNot({ base, levels, from, to }: { base: string; levels: Levels; from: string; to: string }): string {
  if (!levels.has(to)) return `${base}/${to} stands above all layers, so ${from} may not import it`;
  const below = [...levels.keys()].filter((name) => (levels.get(name) ?? 0) < (levels.get(from) ?? 0));
  return `in ${base}, ${from} may import ${below.join(', ') || 'no other layer'}, not ${to}`;
}
