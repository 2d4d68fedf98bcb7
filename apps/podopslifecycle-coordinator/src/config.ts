import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, integer, oneOf, optionalText, text } from '@kuperator/runtime';

/** The settings of the coordinator, besides the common ones. */
export const declaration = defineConfig({
  ...commonConfig,
  ...natsConfig,
  resyncSeconds: integer({
    meaning: 'how often every Pod is reconciled again, in seconds, in case a change was missed',
    min: 10,
    max: 86_400,
    default: 600,
  }),
  explainAfterSeconds: integer({
    meaning:
      'if an operation waits in a stage for longer than this, in seconds, its Pod reports the holder; a new holder is reported after the same time',
    min: 1,
    max: 86_400,
    default: 10,
  }),
  stalledAfterSeconds: integer({
    meaning:
      'if an operation waits in a stage for longer than this, in seconds, it is reported as stalled; it is never forced',
    min: 1,
    max: 604_800,
    default: 600,
  }),
  evictionPatienceSeconds: integer({
    meaning: 'if no client asks for an eviction again for this time, in seconds, its drain is cancelled',
    // A client may have been told to come back in 30 seconds.
    min: 45,
    max: 86_400,
    default: 120,
  }),
  clusterNeedsSeconds: integer({
    meaning:
      'a Pod that is preempted, or whose node is tainted NoExecute, is drained for this time at most, in seconds; then it is deleted, whatever rules say. 0: at once',
    min: 0,
    max: 604_800,
    default: 60,
  }),
  webhookPort: integer({ meaning: 'port of the webhook; 0: no webhook', min: 0, max: 65_535, default: 0 }),
  webhookHost: text({ meaning: 'address on which the webhook listens', default: '0.0.0.0' }),
  webhookServerNames: text({
    meaning: 'DNS names and IP addresses in the certificate that the webhook makes for itself, comma separated',
    default: '127.0.0.1',
  }),
  webhookSecret: text({
    meaning: 'Secret in POD_NAMESPACE in which the replicas share the tokens and certificates that they make',
    default: 'podopslifecycle-coordinator-webhook',
  }),
  webhookConfiguration: text({
    meaning: 'name of the webhook configurations into which the path with the token and the CA to trust are written',
    default: 'podopslifecycle-coordinator.kuperator-system',
  }),
  webhookConfigurationKinds: oneOf(['validating', 'mutating', 'both'], {
    meaning: 'which kinds of webhook configuration with that name exist',
    default: 'validating',
  }),
  webhookCertDir: optionalText({
    meaning:
      'folder with tls.crt and tls.key, which another program renews; none: the coordinator makes its certificates',
  }),
  webhookClientCaFile: optionalText({
    meaning: 'file with the CA of client certificates; if set, the API server has to present one, besides the token',
  }),
  webhookClientNames: text({
    meaning: 'common names of the client certificates that are accepted, comma separated',
    default: '',
  }),
  webhookHoldSeconds: integer({
    meaning:
      "how long a person's request to delete or evict is held, in seconds, counted from the beginning of the drain; at most 2 less than the webhook's timeout",
    min: 0,
    max: 28,
    default: 5,
  }),
  webhookMaxHeld: integer({
    meaning: 'how many requests to delete or evict are held at once; each occupies a thread of the API server',
    min: 0,
    max: 1000,
    default: 10,
  }),
  webhookLingerSeconds: integer({
    meaning: 'how long the webhook still answers after the stop has begun, in seconds',
    min: 0,
    max: 20,
    default: 0,
  }),
});

export type Config = ConfigOf<typeof declaration>;
