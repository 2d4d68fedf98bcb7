/** The part of a library's package.json that its package takes over. */
export type LibraryManifest = {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
};

/** The scope of the libraries in this repository. */
export const SCOPE = '@kuperator/';

/** Prefix of a package's name: `--scope @acme` gives `@acme/`. */
export function scopePrefixOf(scope: string): string {
  if (!/^@[a-z0-9][a-z0-9._-]*$/.test(scope)) throw new Error(`scope ${scope}: allowed is a name such as @acme`);
  return `${scope}/`;
}

/** `libraries` and all libraries they depend on, each after those that it depends on. */
export function withDependencies(
  libraries: readonly string[],
  manifestOf: (library: string) => LibraryManifest,
): readonly string[] {
  const found = new Set<string>();
  const add = (library: string) => {
    if (found.has(library)) return;
    const names = Object.keys(manifestOf(library).dependencies ?? {});
    for (const name of names) if (name.startsWith(SCOPE)) add(name.slice(SCOPE.length));
    found.add(library);
  };
  for (const library of libraries) add(library);
  return [...found];
}

export type Publication = {
  /** Prefix of the packages' names, with the slash. */
  readonly scope: string;
  /** Version of each of our packages, by its name in this repository. */
  readonly versions: ReadonlyMap<string, string>;
  readonly license: string;
  readonly engines: object;
};

/**
 * The package.json of a package. Only the index can be imported, and our packages are required in exactly the version they were packed with.
 * @throws Error if the library has no description, or depends on one of ours that is not packed
 */
export function publishedManifest(manifest: LibraryManifest, publication: Publication): object {
  const { name, version, description, dependencies = {} } = manifest;
  const { scope, versions, license, engines } = publication;
  if (!description) throw new Error(`${name}: package.json has no description`);
  const published = Object.entries(dependencies).map(([dependency, range]) => {
    if (!dependency.startsWith(SCOPE)) return [dependency, range] as const;
    const exact = versions.get(dependency);
    if (!exact) throw new Error(`${name} depends on ${dependency}, which is not packed`);
    return [inScope(dependency, scope), exact] as const;
  });
  return {
    name: inScope(name, scope),
    version,
    description,
    license,
    type: 'module',
    engines,
    sideEffects: false,
    exports: { '.': { types: './lib/index.d.ts', default: './lib/index.js' } },
    files: ['lib'],
    dependencies: Object.fromEntries(published),
  };
}

function inScope(name: string, scope: string): string {
  return `${scope}${name.slice(SCOPE.length)}`;
}
