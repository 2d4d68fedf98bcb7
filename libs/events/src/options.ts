import type { KuperatorEvent } from './catalog.ts';
import type { EventFilter } from './subjects.ts';

/** `off`: no url was given, so nothing is published or received. */
export type BusState = 'off' | 'connected' | 'disconnected';

export type Unsubscribe = () => void;

/** The envelope of a received event, without the event itself. None of it is authenticated. */
export type EventMeta = {
  readonly subject: string;
  readonly cluster: string;
  /** Operator that published it. */
  readonly source: string;
  readonly time: string;
  /** Orders the events of one source about one object, compared as text. */
  readonly sequence: string;
  /** Position in the stream; only for events read back by {@link readEvents}. */
  readonly streamSequence?: number | undefined;
};

/** Called for each valid event. An event is a hint: check it against the object before acting. Must not throw. */
export type EventHandler = (event: KuperatorEvent, meta: EventMeta) => void;

/** The part of a logger that is used (pino's shape). */
export type EventLogger = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** Why an event was not published or not delivered. */
export type DropReason = 'overflow' | 'invalid' | 'rejected' | 'stopped';

/** Callbacks for counting. They must not throw. */
type EventHooks = {
  /** The server has accepted the event. */
  onPublished?(event: KuperatorEvent): void;
  /** An event was not published: the queue was full, it broke its schema, the server refused it, or the bus stopped. */
  onDropped?(reason: DropReason, event: KuperatorEvent): void;
  /** A valid event was delivered to its subscribers. */
  onReceived?(event: KuperatorEvent): void;
  /** A received message was not a valid event; `error` says why. */
  onRejected?(subject: string, error: string): void;
  /** The number of events that wait for the server's confirmation has changed. */
  onQueue?(length: number): void;
  onState?(state: BusState): void;
};

/** The address of NATS and the credentials for it. Files are read again at every connect, so rotated Secrets take effect. */
export type NatsAccess = {
  /** `nats://host:port` or `tls://…`, several separated by commas. */
  url: string;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  credsFile?: string | undefined;
  nkeyFile?: string | undefined;
  tlsCaFile?: string | undefined;
  tlsCertFile?: string | undefined;
  tlsKeyFile?: string | undefined;
};

/** Settings of the stream. A missing setting gets its default on a new stream and stays as it is on an existing one. */
export type StreamSettings = {
  /** Copies in a NATS cluster; default 1. */
  replicas?: number | undefined;
  /** Default 24 h. */
  maxAgeMs?: number | undefined;
  /** Default 256 MiB. */
  maxBytes?: number | undefined;
};

export type EventBusOptions = NatsAccess &
  EventHooks & {
    cluster: string;
    /** The operator's name, for `source` and the connection's name. */
    source: string;
    logger: EventLogger;
    /** Number of events kept while the server is unreachable; beyond it the oldest are dropped. Default 10 000. */
    queueLimit?: number | undefined;
    /** Maximum number of published events that the server has not answered. Default 256. */
    maxInFlight?: number | undefined;
    stream?: StreamSettings | undefined;
    /** What `publish` does with an event that violates its schema: `log` (default) drops and counts it, `throw` is for tests. */
    onInvalid?: 'log' | 'throw' | undefined;
    /** Ms since the epoch; default Date.now. */
    now?: (() => number) | undefined;
  };

/** Publishes and receives events; a component of a process. A failure of NATS makes no method fail. */
export type EventBus = {
  readonly name: string;
  /** Connects in the background, and retries for ever. */
  start(): void;
  /** Sends what is queued and closes, within `timeoutMs` (default 3 000). */
  stop(timeoutMs?: number): Promise<void>;
  /** Queues the event. Never blocks, never throws (but see `onInvalid`). */
  publish(event: KuperatorEvent): void;
  /** Calls `handler` for each matching event of this cluster from now on, without history. */
  subscribe(filter: EventFilter, handler: EventHandler): Unsubscribe;
  state(): BusState;
  /** Waits until the server has accepted everything published so far; false if `timeoutMs` (default 5 000) was too short. */
  flush(timeoutMs?: number): Promise<boolean>;
};
