import { hostname } from 'node:os';
import { type ConfigDeclaration, type ConfigOf, integer, oneOf, optionalText, text } from './config.ts';
import { LOG_LEVELS } from './logger.ts';

/** The settings that every operator has: spread them into the operator's own declaration. */
export const commonConfig = {
  kubeconfig: optionalText({ meaning: 'kubeconfig file; by default ~/.kube/config or the service account of the Pod' }),
  watchNamespace: optionalText({ meaning: 'the only namespace to work in; by default all namespaces' }),
  podName: text({ meaning: 'name of this replica, unique among the running replicas', default: hostname() }),
  podNamespace: text({
    meaning: 'namespace of the Leases with which replicas share the work',
    default: 'kuperator-system',
  }),
  httpHost: text({ meaning: 'address of /livez, /readyz and /metrics', default: '0.0.0.0' }),
  httpPort: integer({
    meaning: 'port of /livez, /readyz and /metrics; 0 picks a free port',
    min: 0,
    max: 65_535,
    default: 8080,
  }),
  logLevel: oneOf(LOG_LEVELS, { meaning: 'minimum level of the lines to log', default: 'info' }),
  concurrency: integer({
    meaning: 'passes that each controller runs at once; up to twice as many if other namespaces would wait for a place',
    min: 1,
    max: 1000,
    default: 64,
  }),
  passTimeoutSeconds: integer({
    meaning: 'how long one pass for one object may take, in seconds; then the pass is aborted and retried',
    min: 5,
    max: 3600,
    default: 120,
  }),
  requestSlotTimeoutSeconds: integer({
    meaning: 'how long a request to the API server may wait while too many others are in flight, in seconds',
    min: 1,
    max: 600,
    default: 30,
  }),
  cacheSyncTimeoutSeconds: integer({
    meaning: 'how long the first lists of all watched kinds may take, in seconds; then the process exits with 1',
    min: 10,
    max: 86_400,
    default: 300,
  }),
  shutdownGraceSeconds: integer({ meaning: 'time for an orderly stop, in seconds', min: 1, max: 3600, default: 20 }),
};

/** The values of {@link commonConfig}. */
export type CommonConfig = ConfigOf<ConfigDeclaration<typeof commonConfig>>;
