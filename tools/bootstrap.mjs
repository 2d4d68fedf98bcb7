// node tools/bootstrap.mjs <script.ts> [arguments]: runs a TypeScript script of this repository, on a fresh clone too.
// It installs the dependencies if they differ from package-lock.json, then continues under the Node.js among them. It is plain
// JavaScript, so that the Node.js of the machine (20 or later) can run it. It prints on stderr only.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import Module from 'node:module';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';

const FIRST_NODE_WITH_TYPES = 24;
const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const ourNode = join(root, 'node_modules', '.bin', 'node');
const [script, ...args] = process.argv.slice(2);

if (!script) fail('usage: node tools/bootstrap.mjs <script.ts> [arguments]');
installIfNeeded();
if (Number.parseInt(process.versions.node, 10) >= FIRST_NODE_WITH_TYPES) runHere();
else runUnder(ourNode);

function installIfNeeded() {
  const reason = whyInstall();
  if (!reason) return;
  console.error(`Installing dependencies: ${reason}`);
  // `npm ci` empties node_modules first, which breaks any process that runs from it. So it runs only if there is no node_modules.
  const install = existsSync(join(root, 'node_modules')) ? ['install', '--no-save'] : ['ci'];
  const [command, ...first] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  // npm's warnings about engines concern the Node.js that runs npm, which is replaced below.
  const options = [...install, '--no-audit', '--no-fund', '--loglevel=error', '--progress'];
  const { status, error } = spawnSync(command, [...first, ...options], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) fail(`npm ${install.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

/** Describes how node_modules differs from the lockfile; undefined if it does not. */
function whyInstall() {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const installed = packagesIn(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'node_modules is missing';
  for (const [path, { version, link, optional, devOptional }] of Object.entries(wanted ?? {})) {
    if (path === '' || link) continue;
    const found = installed[path];
    if (!found && (optional || devOptional)) continue; // for another platform
    if (!found) return `${path} is missing`;
    if (found.version !== version) return `${path} is ${found.version}, package-lock.json says ${version}`;
  }
  return undefined;
}

function packagesIn(lockfile) {
  return existsSync(lockfile) ? JSON.parse(readFileSync(lockfile, 'utf8')).packages : undefined;
}

function runHere() {
  process.argv = [process.argv[0], resolve(root, script), ...args];
  Module.runMain();
}

function runUnder(node) {
  if (!existsSync(node)) {
    fail(`Node.js ${FIRST_NODE_WITH_TYPES} or later is required (this is ${process.version}), and npm has no Node.js for this platform`);
  }
  const child = spawn(node, [resolve(root, script), ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // In a terminal the child also gets Ctrl-C. A second signal would mean "end at once".
      if (signal !== 'SIGINT' || !process.stderr.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => fail(error.message));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
