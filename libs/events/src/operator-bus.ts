import { createEventBus } from './event-bus.ts';
import type { NatsConfig } from './nats-config.ts';
import type { EventBus, EventLogger } from './options.ts';

/** The parts of an operator that the bus uses; structural types, because this library does not import the runtime. */
type OperatorBusContext = {
  readonly config: NatsConfig;
  readonly logger: EventLogger;
  readonly metrics: {
    counter(options: { name: string; help: string; labels: readonly ('kind' | 'event' | 'reason')[] }): {
      inc(labels: Record<string, string>): void;
    };
    gauge(options: { name: string; help: string }): { set(value: number): void };
  };
  readonly health: {
    addCheck(name: string, check: () => true | string, options: { required: boolean }): void;
  };
};

/**
 * Creates the event bus of an operator. It connects as the settings say, counts in the operator's metrics and is shown in `/readyz`. It never
 * makes the operator unready: without NATS everything completes by watches.
 * @param source the operator's name
 */
export function operatorBus(source: string, { config, logger, metrics, health }: OperatorBusContext): EventBus {
  const published = metrics.counter({
    name: 'kuperator_events_published_total',
    help: 'Events that the NATS server has accepted.',
    labels: ['kind', 'event'],
  });
  const dropped = metrics.counter({
    name: 'kuperator_events_dropped_total',
    help: 'Events that were not published, by reason.',
    labels: ['reason'],
  });
  const rejected = metrics.counter({
    name: 'kuperator_events_rejected_total',
    help: 'Received messages that were not valid events.',
    labels: [],
  });
  const connected = metrics.gauge({ name: 'kuperator_events_connected', help: '1 while connected to NATS.' });
  const queued = metrics.gauge({
    name: 'kuperator_events_queued',
    help: 'Events that the server has not confirmed yet.',
  });
  const bus = createEventBus({
    url: config.natsUrl,
    cluster: config.clusterName,
    source,
    credsFile: config.natsCredsFile,
    token: config.natsToken,
    user: config.natsUser,
    password: config.natsPassword,
    nkeyFile: config.natsNkeyFile,
    tlsCaFile: config.natsTlsCaFile,
    tlsCertFile: config.natsTlsCertFile,
    tlsKeyFile: config.natsTlsKeyFile,
    stream: {
      replicas: config.natsStreamReplicas || undefined,
      maxAgeMs: config.natsStreamMaxAgeHours * 3_600_000 || undefined,
      maxBytes: config.natsStreamMaxMegabytes * 1_048_576 || undefined,
    },
    logger,
    onPublished: ({ kind, event }) => published.inc({ kind, event }),
    onDropped: (reason) => dropped.inc({ reason }),
    onRejected: () => rejected.inc({}),
    onQueue: (length) => queued.set(length),
    onState: (state) => connected.set(state === 'connected' ? 1 : 0),
  });
  health.addCheck(
    'nats',
    () => (bus.state() === 'disconnected' ? 'disconnected; the operator continues by watches' : true),
    {
      required: false,
    },
  );
  return bus;
}
