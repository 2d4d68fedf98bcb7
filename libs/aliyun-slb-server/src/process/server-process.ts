// The server as a process of its own, with its control API: `node src/process/server-process.ts`.
import { defineConfig, integer, LOG_LEVELS, oneOf, readConfig, runProcess, text } from '@kuperator/runtime';
import { type SlbServer, startSlbServer, TEST_ACCOUNT } from '../server.ts';
import { DEFAULT_SETTINGS } from '../world/settings.ts';

const milliseconds = (meaning: string) =>
  integer({ meaning: `${meaning}, in milliseconds`, min: 0, max: 600_000, default: 0 });

const declaration = defineConfig({
  httpPort: integer({ meaning: 'port on the loopback interface; 0 picks a free one', min: 0, max: 65_535, default: 0 }),
  accessKeyId: text({ meaning: 'key that may sign calls', default: TEST_ACCOUNT.accessKeyId }),
  accessKeySecret: text({ meaning: 'its secret', default: TEST_ACCOUNT.accessKeySecret, secret: true }),
  configuringMs: milliseconds('how long a CLB instance refuses writes after a write'),
  jobMs: milliseconds('how long a job of NLB takes'),
  healthDelayMs: milliseconds('from the addition of a backend to its first passed health check'),
  staleReadMs: milliseconds('by how much reads lag behind writes'),
  clbBatchLimit: integer({
    meaning: 'most backends in one call of CLB; the documented 20 would stop the stand-in for CCM, which sends 40',
    min: 1,
    max: 1000,
    default: 40,
  }),
  logLevel: oneOf(LOG_LEVELS, { meaning: 'minimum level of the lines to log', default: 'info' }),
  shutdownGraceSeconds: integer({ meaning: 'time for an orderly stop, in seconds', min: 1, max: 600, default: 10 }),
});

const config = readConfig(declaration);

await runProcess({
  app: 'aliyun-slb-server',
  config,
  async build({ logger }) {
    let server: SlbServer | undefined;
    const { configuringMs, jobMs, healthDelayMs, staleReadMs, clbBatchLimit } = config;
    return [
      {
        name: 'server',
        async start() {
          server = await startSlbServer({
            port: config.httpPort,
            account: { accessKeyId: config.accessKeyId, accessKeySecret: config.accessKeySecret },
            settings: { ...DEFAULT_SETTINGS, configuringMs, jobMs, healthDelayMs, staleReadMs, clbBatchLimit },
            controlApi: true,
          });
          logger.info({ url: server.url }, 'listening');
        },
        stop: () => server?.stop(),
      },
    ];
  },
});
