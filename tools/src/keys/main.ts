// Names that users choose must not meet what every object inherits: `labels[key]` for a label `constructor` is a function. This
// check asks the compiler for the type of each key, and refuses those that the types do not know.
import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { API } from 'typescript/unstable/sync';
import { isTestFile } from '../boundaries/test-files.ts';
import { looseKeysOf } from './loose-keys.ts';

/** The only file that may do what the remedies replace. */
const REMEDY = 'libs/api/src/own.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const configs = globSync('{apps,libs,e2e}/*/tsconfig.json', { cwd: root }).map((path) => join(root, path));
const api = new API({ cwd: root });
try {
  const snapshot = api.updateSnapshot({ openProjects: configs });
  const found = configs.flatMap((config) => {
    const project = snapshot.getProject(config);
    if (!project) throw new Error(`${relative(root, config)} could not be opened`);
    return looseKeysOf(project, (file) => isChecked(relative(root, file)));
  });
  for (const { file, line, text, remedy } of found)
    console.error(`${relative(root, file)}:${line}: ${text}: ${remedy}`);
  console.log(
    found.length === 0
      ? `no object is asked for a name that its type does not know, in ${configs.length} packages`
      : `${found.length} objects are asked for a name that their types do not know`,
  );
  process.exitCode = found.length === 0 ? 0 : 1;
} finally {
  api.close();
}

function isChecked(file: string): boolean {
  return !file.endsWith('.gen.ts') && !isTestFile(file) && file !== REMEDY;
}
