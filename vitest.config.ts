import { defineConfig } from 'vitest/config';

const ignored = ['**/node_modules/**', '**/dist/**'];
const minuteMs = 60_000;

export default defineConfig({
  test: {
    // `npx vitest run --project unit`, or integration, or e2e
    projects: [
      './vitest.unit.config.ts',
      {
        test: {
          // One operator in process against a real API server.
          name: 'integration',
          include: ['**/*.integration.test.ts'],
          exclude: ignored,
          testTimeout: minuteMs,
          hookTimeout: 2 * minuteMs,
          // Each file has a control plane of its own: two at once would share two cores.
          fileParallelism: false,
        },
      },
      {
        test: {
          // Promises to users, on a cluster with all charts installed.
          name: 'e2e',
          include: ['e2e/scenarios/**/*.e2e.ts'],
          exclude: ignored,
          testTimeout: 3 * minuteMs,
          hookTimeout: 5 * minuteMs,
          fileParallelism: false,
        },
      },
      {
        test: {
          // What other teams install, and the example that they start from.
          name: 'packages',
          include: ['tools/src/packages/*.e2e.ts'],
          exclude: ignored,
          testTimeout: 5 * minuteMs,
          hookTimeout: 10 * minuteMs,
        },
      },
      {
        test: {
          // A real kubelet and a real kube-proxy: `npm run e2e:real-node` prepares them.
          name: 'real-node',
          include: ['e2e/real-node/**/*.e2e.ts'],
          exclude: ignored,
          testTimeout: 5 * minuteMs,
          hookTimeout: 5 * minuteMs,
          // All files share one cluster, and some disturb it. Within a file, so many sets at once still leave two cores idle.
          fileParallelism: false,
          maxConcurrency: 3,
        },
      },
    ],
  },
});
