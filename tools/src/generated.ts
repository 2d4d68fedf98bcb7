// Checks that generated files are committed as generated: runs every `generate` target and reports the files that it changed. The
// files stay as generated, so commit them to fix the problem.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
/** The name of every generated file contains this. */
const GENERATED = '{apps,libs,e2e,deploy,docs}/**/*.gen.*';

const before = hashes();
const nx = join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js');
const { status } = spawnSync(process.execPath, [nx, 'run-many', '-t', 'generate'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
  env: { ...process.env, NX_DAEMON: 'false' },
});
const after = hashes();

const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
  (file) => before.get(file) !== after.get(file),
);
for (const file of changed.toSorted()) console.error(`${file} was not up to date: commit the file as it is now`);
console.log(changed.length === 0 ? 'generated files are up to date' : `${changed.length} generated files were stale`);
process.exitCode = status === 0 && changed.length === 0 ? 0 : 1;

function hashes(): Map<string, string> {
  const files = globSync(GENERATED, { cwd: root, exclude: ['**/node_modules', '**/dist'] });
  const hashOf = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(root, file)))
      .digest('hex');
  return new Map(files.map((file) => [file, hashOf(file)]));
}
