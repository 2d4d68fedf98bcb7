// The texts of a package, as they differ from those in the repository.
import { SCOPE } from './manifest.ts';

/** JavaScript or declarations, with imports from `scope`. Declarations that the compiler writes still import `.ts` files, which are not packed. */
export function publishedCode(text: string, scope: string): string {
  return text
    .replaceAll(/((?:\bfrom|\bimport)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1.js')
    .replaceAll(/(?<=['"])@kuperator\/(?=[a-z]+['"])/g, scope);
}

/** A README without links into the repository, which lead nowhere from a package. */
export function publishedReadme(text: string, scope: string): string {
  return text.replaceAll(/\[([^\]]+)\]\((?!https?:|#)[^)]+\)/g, '$1').replaceAll(SCOPE, scope);
}

/** A source map that names its source relative to the map: the path in the repository would depend on where it was packed. */
export function publishedMap(text: string, source: string): string {
  return JSON.stringify({ ...(JSON.parse(text) as object), sources: [source] });
}
