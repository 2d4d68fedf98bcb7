// Checks what the commands of the README and of CONTRIBUTING.md print for --help and for wrong arguments.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const run = (script: string, ...args: string[]) => promisify(execFile)(process.execPath, [join(root, script), ...args]);

test.each([
  { script: 'tools/src/test.ts', name: 'npm test' },
  { script: 'tools/src/dev/main.ts', name: 'npm run dev' },
  { script: 'tools/src/packages/main.ts', name: 'npm run packages' },
])('$name -- --help prints the usage, and runs nothing', async ({ script, name }) => {
  const { stdout, stderr } = await run(script, '--help');
  expect(stdout).toContain(`Usage: ${name} -- `);
  expect(stderr).toBe('');
});

test.each([
  { script: 'tools/src/test.ts', args: ['--fast'], says: "error: unknown option '--fast'\n" },
  { script: 'tools/src/test.ts', args: ['unit'], says: /^error: too many arguments.*\n$/ },
  {
    script: 'tools/src/dev/main.ts',
    args: ['foo'],
    says: /Allowed choices are aliyun-slb-adapter, collaset-controller, .*\n$/,
  },
  {
    script: 'tools/src/packages/main.ts',
    args: ['--scope', 'acme'],
    says: /^error: option '--scope <name>' argument 'acme' is invalid. .*such as @acme\n$/,
  },
  { script: 'tools/src/dev/main.ts', args: [], says: "error: missing required argument 'app'\n" },
])('$script $args is refused in one line', async ({ script, args, says }) => {
  const stderr = typeof says === 'string' ? says : expect.stringMatching(says);
  await expect(run(script, ...args)).rejects.toMatchObject({ code: 1, stdout: '', stderr });
});
