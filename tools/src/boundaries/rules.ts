import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { type Layers, layerViolations } from './layers.ts';
import { isTestFile } from './test-files.ts';

type SourceFile = { /** Relative to the package's folder. */ path: string; imports: readonly string[] };

export type Package = {
  name: string;
  /** Path relative to the repository. */
  folder: string;
  type: 'app' | 'lib' | 'test';
  /** Declared in the package's own package.json, for any use. */
  declared: readonly string[];
  /** The order of the folders inside the package, where it declares one. */
  layers: Layers;
  files: readonly SourceFile[];
};

const SCOPE = '@kuperator/';

/** Our packages that the code of each library may import. A library that is not listed may import none. */
const LIBRARY_MAY_IMPORT: Record<string, readonly string[]> = {
  api: [],
  lifecycle: ['api'],
  holders: ['api', 'lifecycle'],
  events: ['api'],
  runtime: ['api'],
  resourceconsist: ['api', 'lifecycle', 'runtime', 'events'],
};

/** Every import that breaks a rule, as `<file>: <problem>`. `shared` are the dependencies that the root declares for tests. */
export function violations(packages: readonly Package[], shared: readonly string[]): string[] {
  const byName = new Map(packages.map((each) => [each.name, each]));
  return packages.flatMap((importer) => [
    ...importer.files.flatMap((file) =>
      file.imports.flatMap((specifier) => {
        const problem = problemOf({ importer, file, specifier, byName, shared });
        return problem ? [`${importer.folder}/${file.path}: ${problem}`] : [];
      }),
    ),
    ...layerViolations(importer).map((problem) => `${importer.folder}/${problem}`),
  ]);
}

function problemOf({
  importer,
  file,
  specifier,
  byName,
  shared,
}: {
  importer: Package;
  file: SourceFile;
  specifier: string;
  byName: ReadonlyMap<string, Package>;
  shared: readonly string[];
}): string | undefined {
  if (isBuiltin(specifier)) return undefined;
  if (specifier.startsWith('.')) return leavesPackage(file, specifier);

  const name = packageNameOf(specifier);
  if (name.startsWith(SCOPE)) {
    if (specifier !== name) return `imports ${specifier}: import ${name}, only its index is public`;
    const imported = byName.get(name);
    if (!imported) return `imports ${name}, which no package here is called`;
    const problem = directionProblem(importer, file, imported);
    if (problem) return problem;
    if (imported === importer) return `imports its own package by name: import the file`;
  }
  const forTests = importer.type === 'test' || isTestFile(file.path);
  if (importer.declared.includes(name) || (forTests && shared.includes(name))) return undefined;
  return `imports ${name}, which ${importer.folder}/package.json does not declare`;
}

function leavesPackage(file: SourceFile, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(file.path), specifier);
  return target.startsWith('../') ? `imports ${specifier}, outside its package: import packages by name` : undefined;
}

function directionProblem(importer: Package, file: SourceFile, imported: Package): string | undefined {
  if (imported.type === 'app') return `imports the app ${imported.name}: apps are deployed, not imported`;
  if (isTestFile(file.path) || importer.type === 'test') return undefined;
  if (imported.type === 'test') return `imports ${imported.name}, which is for tests only`;
  if (importer.type === 'app') return undefined;
  const allowed = LIBRARY_MAY_IMPORT[importer.name.slice(SCOPE.length)] ?? [];
  if (imported === importer || allowed.includes(imported.name.slice(SCOPE.length))) return undefined;
  return `imports ${imported.name}; ${importer.name} may import ${allowed.join(', ') || 'none of ours'}`;
}

function packageNameOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
