// `import … from 'x'` and `export … from 'x'`, on any number of lines; the formatter puts both at the start of a line.
const STATEMENT = /^(?:import\b|export\s+(?:type\s+)?(?=[{*]))[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]/gm;
const FOR_EFFECT = /^import\s+['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** The names that a module imports, including type imports, each once. */
export function importsOf(source: string): string[] {
  const found = [STATEMENT, FOR_EFFECT, DYNAMIC].flatMap((form) => [...source.matchAll(form)]);
  return [...new Set(found.map((match) => match[1] ?? ''))];
}
