// npm run packages: packs the libraries that other teams build on into dist/packages.
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { SCOPE, scopePrefixOf } from './manifest.ts';
import { packLibraries } from './pack.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const { scope } = new Command('npm run packages --')
  .description('Packs the libraries that other teams build on into dist/packages.')
  .option('--scope <name>', 'scope of the packages, also in their imports', SCOPE.slice(0, -1))
  .parse()
  .opts<{ scope: string }>();

const tarballs = await packLibraries({ scope: scopePrefixOf(scope), to: join(root, 'dist', 'packages') });
for (const tarball of tarballs) console.log(relative(root, tarball));
