// Writes the templates of the CRD chart. With --check it only compares them, and exits with 1 and a diff if they are out of date.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartFiles } from './charts.ts';

const TEMPLATES = fileURLToPath(new URL('../../../deploy/charts/crds/templates', import.meta.url));

function write(folder: string): void {
  mkdirSync(folder, { recursive: true });
  // Remove the files of kinds that no longer exist.
  for (const name of readdirSync(folder)) if (name.endsWith('.gen.yaml')) rmSync(join(folder, name));
  for (const { name, content } of chartFiles()) writeFileSync(join(folder, name), content);
}

function check(): number {
  const fresh = mkdtempSync(join(tmpdir(), 'kuperator-crds-'));
  try {
    write(fresh);
    const { status } = spawnSync('diff', ['-ruN', TEMPLATES, fresh], { stdio: 'inherit' });
    if (status !== 0)
      console.error('deploy/charts/crds is not what libs/api generates: npm run generate -w @kuperator/api');
    return status ?? 1;
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

if (process.argv.includes('--check')) process.exitCode = check();
else write(TEMPLATES);
