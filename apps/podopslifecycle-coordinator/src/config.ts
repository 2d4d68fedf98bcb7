import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, integer, oneOf, optionalText, text } from '@kuperator/runtime';

/** Settings of the coordinator, besides the common ones. */
export const declaration = defineConfig({
  ...commonConfig,
  ...natsConfig,
  resyncSeconds: integer({
    meaning: 'every Pod is looked at again this often, in seconds, should a change ever be missed',
    min: 10,
    max: 86_400,
    default: 600,
  }),
  explainAfterSeconds: integer({
    meaning:
      'an operation that waits in a stage for so long, in seconds, says on its Pod who holds it; another holder is told after as long',
    min: 1,
    max: 86_400,
    default: 10,
  }),
  stalledAfterSeconds: integer({
    meaning: 'an operation that waits in a stage for so long, in seconds, is reported as stalled; it is never forced',
    min: 1,
    max: 604_800,
    default: 600,
  }),
  evictionPatienceSeconds: integer({
    meaning: 'a drain for an eviction that nobody asks for again is undone after so long, in seconds',
    // Clients may have been told to come back in 30 seconds.
    min: 45,
    max: 86_400,
    default: 120,
  }),
  clusterNeedsSeconds: integer({
    meaning:
      'a Pod that is preempted, or whose node is tainted NoExecute, is drained for so long, in seconds, whatever rules say; then it is deleted. 0: at once',
    min: 0,
    max: 604_800,
    default: 60,
  }),
  webhookPort: integer({ meaning: 'port of the webhook; 0: no webhook', min: 0, max: 65_535, default: 0 }),
  webhookHost: text({ meaning: 'its address', default: '0.0.0.0' }),
  webhookServerNames: text({
    meaning: 'DNS names and IP addresses, comma separated, that its own certificate is for',
    default: '127.0.0.1',
  }),
  webhookSecret: text({
    meaning: 'Secret in POD_NAMESPACE in which replicas share the tokens and certificates they make',
    default: 'podopslifecycle-coordinator-webhook',
  }),
  webhookConfiguration: text({
    meaning: 'name of the webhook configurations that are told the path with the token, and the CA to trust',
    default: 'podopslifecycle-coordinator.kuperator-system',
  }),
  webhookConfigurationKinds: oneOf(['validating', 'mutating', 'both'], {
    meaning: 'which configurations of that name there are',
    default: 'validating',
  }),
  webhookCertDir: optionalText({
    meaning: 'folder with tls.crt and tls.key that somebody else keeps fresh; none: certificates are made here',
  }),
  webhookClientCaFile: optionalText({
    meaning: 'file with the CA of client certificates; the API server has to show one then, besides the token',
  }),
  webhookClientNames: text({
    meaning: 'common names of the client certificates that are accepted, comma separated',
    default: '',
  }),
  webhookHoldSeconds: integer({
    meaning:
      "a person's deletion or eviction is held for so long, in seconds, from the beginning of the drain on; 2 less than the timeout at most",
    min: 0,
    max: 28,
    default: 5,
  }),
  webhookMaxHeld: integer({
    meaning: 'deletions and evictions held at once; each keeps a thread of the API server',
    min: 0,
    max: 1000,
    default: 10,
  }),
  webhookLingerSeconds: integer({
    meaning: 'how long the webhook still answers after the stop began, in seconds',
    min: 0,
    max: 20,
    default: 0,
  }),
});

export type Config = ConfigOf<typeof declaration>;
