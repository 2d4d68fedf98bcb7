// npm run packages: packs the libraries that other teams build on into dist/packages.
import { join, relative } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { SCOPE, scopePrefixOf } from './manifest.ts';
import { packLibraries } from './pack.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const { scope } = new Command('npm run packages --')
  .description('Packs the libraries that other teams build on into dist/packages.')
  .addOption(
    new Option('--scope <name>', 'scope of the packages, also in their imports')
      .argParser(parseScope)
      .default(SCOPE, SCOPE.slice(0, -1)),
  )
  .parse()
  .opts<{ scope: string }>();

const tarballs = await packLibraries({ scope, to: join(root, 'dist', 'packages') });
for (const tarball of tarballs) console.log(relative(root, tarball));

function parseScope(name: string): string {
  try {
    return scopePrefixOf(name);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
