// The stand-in for CCM as a process of its own: `KUBECONFIG=… SLB_ENDPOINT=127.0.0.1:… node src/process/ccm-process.ts`.
import {
  createKubeClient,
  defineConfig,
  Health,
  integer,
  LOG_LEVELS,
  oneOf,
  optionalText,
  readConfig,
  runProcess,
  text,
} from '@kuperator/runtime';
import { type Ccm, startCcm } from '../ccm/ccm.ts';
import { TEST_ACCOUNT } from '../server.ts';
import { vendorClient } from '../vendor-client.ts';

const app = 'aliyun-ccm';

const declaration = defineConfig({
  kubeconfig: optionalText({ meaning: 'kubeconfig file; by default ~/.kube/config' }),
  slbEndpoint: text({ meaning: 'host and port of the server' }),
  accessKeyId: text({ meaning: 'key to sign calls with', default: TEST_ACCOUNT.accessKeyId }),
  accessKeySecret: text({ meaning: 'its secret', default: TEST_ACCOUNT.accessKeySecret, secret: true }),
  clusterId: text({ meaning: 'id of the cluster, a part of the names of groups', default: 'test-cluster' }),
  reactionMs: integer({
    meaning: 'from an event to the pass that it causes, in milliseconds',
    min: 0,
    max: 600_000,
    default: 0,
  }),
  resyncSeconds: integer({
    meaning: 'how often each Service is compared although nothing has changed, in seconds',
    min: 1,
    max: 86_400,
    default: 60,
  }),
  httpPort: integer({
    meaning: 'port of /livez, /readyz and /metrics; 0 picks a free one',
    min: 0,
    max: 65_535,
    default: 0,
  }),
  logLevel: oneOf(LOG_LEVELS, { meaning: 'minimum level of the lines to log', default: 'info' }),
  shutdownGraceSeconds: integer({ meaning: 'time for an orderly stop, in seconds', min: 1, max: 600, default: 10 }),
});

const config = readConfig(declaration);
const { accessKeyId, accessKeySecret, slbEndpoint: endpoint, clusterId, reactionMs } = config;

await runProcess({
  app,
  config,
  async build({ logger, metrics }) {
    const client = createKubeClient({ kubeconfig: config.kubeconfig, userAgent: app, logger, metrics });
    const call = vendorClient({ endpoint, account: { accessKeyId, accessKeySecret } });
    let ccm: Ccm | undefined;
    const health = new Health({ host: '127.0.0.1', port: config.httpPort, metrics });
    health.addCheck('caches', () => ccm !== undefined || 'the first lists are not complete');
    return [
      health,
      { name: 'client', start: () => {}, stop: () => client.close() },
      {
        name: 'ccm',
        async start() {
          const resyncMs = config.resyncSeconds * 1000;
          ccm = await startCcm({ client, call, logger, metrics, clusterId, reactionMs, resyncMs });
        },
        stop: () => ccm?.stop(),
      },
    ];
  },
});
