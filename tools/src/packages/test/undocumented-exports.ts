import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names that the index of a package exports without a doc, read from the declarations in `lib`. */
export function undocumentedExports(lib: string): readonly string[] {
  const index = readFileSync(join(lib, 'index.d.ts'), 'utf8');
  return [...index.matchAll(/^export (?:type )?\{([^}]+)\} from '([^']+)'/gm)].flatMap(([, list = '', file = '']) => {
    const declarations = readFileSync(join(lib, file.replace(/\.js$/, '.d.ts')), 'utf8');
    const names = list.split(',').map((name) => name.trim().replace(/^type /, ''));
    return names.filter((name) => name !== '' && !isDocumented(name, declarations));
  });
}

/** A doc ends on the line before the declaration. */
function isDocumented(name: string, declarations: string): boolean {
  const declaration = `\\*/\\nexport (declare )?(function|class|const|type) ${name}\\b`;
  return new RegExp(declaration).test(declarations);
}
