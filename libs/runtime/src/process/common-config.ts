import { hostname } from 'node:os';
import { type ConfigDeclaration, type ConfigOf, integer, oneOf, optionalText, text } from './config.ts';
import { LOG_LEVELS } from './logger.ts';

/** Settings every operator has: spread into its own declaration. */
export const commonConfig = {
  kubeconfig: optionalText({ meaning: 'kubeconfig file; none: ~/.kube/config or the service account of the Pod' }),
  watchNamespace: optionalText({ meaning: 'the one namespace to work in; none: all' }),
  podName: text({ meaning: 'name of this replica, unique among the running ones', default: hostname() }),
  podNamespace: text({
    meaning: 'namespace of the Leases by which replicas share the work',
    default: 'kuperator-system',
  }),
  httpHost: text({ meaning: 'address of /livez, /readyz and /metrics', default: '0.0.0.0' }),
  httpPort: integer({ meaning: 'its port; 0: any free one', min: 0, max: 65_535, default: 8080 }),
  logLevel: oneOf(LOG_LEVELS, { meaning: 'least severe lines to log', default: 'info' }),
  concurrency: integer({
    meaning: 'objects each controller works on at once; up to as many again so that each namespace has a place',
    min: 1,
    max: 1000,
    default: 64,
  }),
  passTimeoutSeconds: integer({
    meaning: 'how long one pass for one object may take, in seconds; then it is aborted and tried again later',
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

export type CommonConfig = ConfigOf<ConfigDeclaration<typeof commonConfig>>;
