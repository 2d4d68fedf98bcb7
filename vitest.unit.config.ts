import { defineConfig } from 'vitest/config';

// Pure functions and in-memory shells. Each package's `npm test` uses this file too, from its own folder.
export default defineConfig({
  test: {
    name: 'unit',
    include: ['**/*.test.ts'],
    // The examples test themselves, with their own dependencies.
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.integration.test.ts', 'examples/**'],
    // Property tests run thousands of cases, on machines that may be busy.
    testTimeout: 30_000,
    passWithNoTests: true,
  },
});
