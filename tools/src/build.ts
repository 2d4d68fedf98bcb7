// Bundles the app in the working directory: src/main.ts and everything it imports become dist/main.js, one file for an image.
import { build } from 'esbuild';

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: 'linked',
  // Minified code is less than half the size. Stack traces stay readable through the source map.
  minifyWhitespace: true,
  // Keep names, because error names appear in logs and metrics.
  keepNames: true,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
  // CommonJS dependencies call require for Node.js's own modules, which an ES module does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});

for (const [file, { bytes }] of Object.entries(metafile.outputs)) {
  if (file.endsWith('.js')) console.log(`${file}: ${Math.round(bytes / 1024)} KiB`);
}
