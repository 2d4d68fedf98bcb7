/**
 * One setting, in the shape that `defineConfig` of @kuperator/runtime takes. This library must not import the runtime,
 * so that a subscriber needs no Kubernetes client.
 */
type Setting<T> = {
  readonly meaning: string;
  readonly allowed: string;
  readonly fallback: { readonly value: T; readonly shown: string };
  readonly parse: (text: string) => T | undefined;
  readonly secret?: boolean;
};

/** The settings of an operator's connection to NATS and of its event stream: spread them into the operator's declaration. */
export const natsConfig = {
  clusterName: text({ meaning: 'name of this cluster in NATS subjects', default: 'default' }),
  natsUrl: text({ meaning: 'NATS servers, comma separated; if empty, no events are sent or received', default: '' }),
  natsCredsFile: optionalText({ meaning: 'NATS credentials file (JWT and nkey)' }),
  natsNkeyFile: optionalText({ meaning: 'file with an nkey seed' }),
  natsToken: optionalText({ meaning: 'NATS token', secret: true }),
  natsUser: optionalText({ meaning: 'NATS user' }),
  natsPassword: optionalText({ meaning: 'NATS password', secret: true }),
  natsTlsCaFile: optionalText({ meaning: 'CA certificate of the NATS servers' }),
  natsTlsCertFile: optionalText({ meaning: 'client certificate for the NATS servers' }),
  natsTlsKeyFile: optionalText({ meaning: 'private key of the client certificate' }),
  natsStreamReplicas: wholeNumber({ meaning: 'copies of the event stream; 0 leaves the stream as it is', max: 5 }),
  natsStreamMaxAgeHours: wholeNumber({
    meaning: 'how long the stream keeps an event, in hours; 0 leaves the stream as it is',
    max: 100_000,
  }),
  natsStreamMaxMegabytes: wholeNumber({
    meaning: 'maximum size of the event stream, in MiB; 0 leaves the stream as it is',
    max: 100_000_000,
  }),
};

/** The values of {@link natsConfig}: texts, counts, hours and MiB as its fields say. */
export type NatsConfig = {
  readonly [K in keyof typeof natsConfig]: (typeof natsConfig)[K] extends Setting<infer T> ? T : never;
};

function text({ meaning, default: value }: { meaning: string; default: string }): Setting<string> {
  return { meaning, allowed: 'text', fallback: { value, shown: value || '(empty)' }, parse: (given) => given };
}

function optionalText({ meaning, secret = false }: { meaning: string; secret?: boolean }): Setting<string | undefined> {
  return { meaning, allowed: 'text', fallback: { value: undefined, shown: '(none)' }, parse: (given) => given, secret };
}

function wholeNumber({ meaning, max }: { meaning: string; max: number }): Setting<number> {
  return {
    meaning,
    allowed: `whole number 0–${max}`,
    fallback: { value: 0, shown: '0' },
    parse: (given) => (/^\d+$/.test(given) && Number(given) <= max ? Number(given) : undefined),
  };
}
