// The only file that imports the NATS client, so that another client changes only this file.
import { readFile } from 'node:fs/promises';
import {
  type Authenticator,
  type NatsConnection as Client,
  type ConnectionOptions,
  connect,
  createInbox,
  credsAuthenticator,
  DeliverPolicy,
  headers,
  type Msg,
  nkeyAuthenticator,
  type OrderedConsumerOptions,
  type Subscription,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
import { greetingServers } from './greeting.ts';
import type { NatsAccess, Unsubscribe } from './options.ts';

const GREETING_TIMEOUT_MS = 5_000;

/** Callbacks of a connection. */
type ConnectionEvents = {
  onUp(): void;
  /** Called when the connection is lost, and for every attempt to connect that fails. */
  onDown(reason: string): void;
  /** The server's answer to the publish with this number. `noStream`: no stream stores the subject. */
  onAck(number: number, answer: 'stored' | 'noStream' | { code: number; description: string }): void;
  /** The server denies publishing to, or subscribing to, this subject. */
  onDenied(operation: 'publish' | 'subscribe', subject: string): void;
  /** Background work failed, but the connection is not lost. */
  onError(error: unknown): void;
};

type OnMessage = (subject: string, payload: Uint8Array) => void;

/**
 * A connection that is opened in the background and reopened for ever. The client's own reconnect is off: it gives up after repeated
 * authentication errors, does not read credentials again, and reports too late that it cannot send.
 */
export class NatsConnection {
  readonly #access: NatsAccess;
  readonly #name: string;
  readonly #events: ConnectionEvents;
  readonly #subscriptions = new Set<Wanted>();
  #client: Client | undefined;
  #inbox = '';
  /** Rejects the flushes that wait for the server's answer. */
  readonly #flushes = new Set<(reason: Error) => void>();
  #stopped = new AbortController();

  constructor(access: NatsAccess, name: string, events: ConnectionEvents) {
    this.#access = access;
    this.#name = name;
    this.#events = events;
  }

  start(): void {
    this.#stopped = new AbortController();
    this.#connectForEver(this.#stopped.signal).catch((error: unknown) => this.#events.onError(error));
  }

  /** Lets subscriptions handle the messages that they have, then closes the connection, within `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped.abort();
    const client = this.#client;
    if (!client) return; // an attempt under way closes itself when it sees the signal
    const drained = client.drain().catch(() => undefined);
    await Promise.race([drained, pause(timeoutMs, new AbortController().signal)]);
    if (!client.isClosed()) await client.close();
  }

  isUp(): boolean {
    return this.#client !== undefined && !this.#client.isClosed();
  }

  /**
   * Sends a message at once, or throws. With `ackNumber` the stream's answer arrives at `onAck`.
   * @throws Error if there is no connection
   */
  publish(subject: string, payload: string, id: string, contentType: string, ackNumber?: number): void {
    if (!this.#client) throw new Error('not connected');
    const head = headers();
    head.set('Nats-Msg-Id', id);
    head.set('Content-Type', contentType);
    const reply = ackNumber === undefined ? {} : { reply: `${this.#inbox}.${ackNumber}` };
    this.#client.publish(subject, payload, { headers: head, ...reply });
  }

  /** Resolves when the server has received all that was sent; rejects if the connection is lost first. */
  async flush(): Promise<void> {
    const client = this.#client;
    if (!client) throw new Error('not connected');
    // A race with `client.closed()` would leave a reaction on that promise for as long as the connection lives.
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#flushes.add(reject);
    client.flush().then(resolve, reject);
    try {
      await promise;
    } finally {
      this.#flushes.delete(reject);
    }
  }

  async request(subject: string, body: object, timeoutMs: number): Promise<unknown> {
    if (!this.#client) throw new Error('not connected');
    return (await this.#client.request(subject, JSON.stringify(body), { timeout: timeoutMs })).json();
  }

  /** Subscribes now and after every reconnect. */
  subscribe(subject: string, onMessage: OnMessage): Unsubscribe {
    const subscription: Wanted = { subject, onMessage };
    this.#subscriptions.add(subscription);
    if (this.#client) subscription.live = listenFor(this.#client, subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      if (this.#client) subscription.live?.unsubscribe();
    };
  }

  async #connectForEver(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const options = await connectionOptions(this.#access, this.#name);
        const servers = await greetingServers(serversOf(this.#access), GREETING_TIMEOUT_MS);
        if (signal.aborted) return;
        const client = await connect({ ...options, servers });
        if (signal.aborted) return await client.close();
        failures = 0;
        this.#take(client);
        const reason = await client.closed();
        this.#client = undefined;
        for (const reject of this.#flushes) reject(new Error('the connection was lost'));
        if (signal.aborted) return;
        this.#events.onDown(reason ? describe(reason) : 'closed by the server');
      } catch (error) {
        if (!signal.aborted) this.#events.onDown(describe(error));
      }
      failures += 1;
      await pause(backoffMs(failures), signal);
    }
  }

  #take(client: Client): void {
    this.#inbox = createInbox(inboxPrefixOf(this.#access, this.#name));
    listen(client, `${this.#inbox}.*`, (message) => this.#acknowledge(message));
    for (const subscription of this.#subscriptions) subscription.live = listenFor(client, subscription);
    this.#watchErrors(client).catch((error: unknown) => this.#events.onError(error));
    this.#client = client;
    this.#events.onUp();
  }

  #acknowledge(message: Msg): void {
    const number = Number(message.subject.slice(this.#inbox.length + 1));
    this.#events.onAck(number, answerOf(message));
  }

  async #watchErrors(client: Client): Promise<void> {
    for await (const status of client.status()) {
      const denied = status.permissionContext;
      if (!denied) continue;
      if (denied.subject.startsWith('$JS.')) continue; // the request that asked for it is told
      this.#events.onDenied(denied.operation === 'publish' ? 'publish' : 'subscribe', denied.subject);
    }
  }
}

/** Which part of the stream to read. */
export type HistoryFrom = 'new' | 'last-per-subject' | { fromSequence: number } | { since: Date };
type StoredMessage = { subject: string; payload: Uint8Array; sequence: number; pending: number };

/**
 * Reads `stream` on a connection of its own until `signal` aborts or, unless `follow`, the history ends.
 * @throws Error when the server cannot be reached, or the stream does not exist or may not be read
 */
export async function* readStream(
  access: NatsAccess,
  { name, stream, filter, from, follow, signal }: ReadStream,
): AsyncGenerator<StoredMessage> {
  const reconnecting = { reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 1_000, reconnectJitter: 1_000 };
  const client = await connect({ ...(await connectionOptions(access, name)), ...reconnecting });
  try {
    const consumer = await client.jetstream().consumers.get(stream, { filterSubjects: filter, ...deliverFrom(from) });
    if (!follow && (await consumer.info()).num_pending === 0) return;
    const messages = await consumer.consume();
    const stop = () => {
      messages.close().catch(() => {});
    };
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    try {
      for await (const message of messages) {
        const { pending } = message.info;
        yield { subject: message.subject, payload: message.data, sequence: message.seq, pending };
        if (!follow && pending === 0) return;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  } finally {
    await client.close();
  }
}
type ReadStream = {
  name: string;
  stream: string;
  filter: string;
  from: HistoryFrom;
  follow: boolean;
  signal?: AbortSignal | undefined;
};

function deliverFrom(from: HistoryFrom): Partial<OrderedConsumerOptions> {
  if (from === 'new') return { deliver_policy: DeliverPolicy.New };
  if (from === 'last-per-subject') return { deliver_policy: DeliverPolicy.LastPerSubject };
  if ('fromSequence' in from) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.fromSequence };
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.since.toISOString() };
}

type Wanted = { subject: string; onMessage: OnMessage; live?: Subscription };

function listenFor(client: Client, { subject, onMessage }: Wanted): Subscription {
  return listen(client, subject, (message) => onMessage(message.subject, message.data));
}

function listen(client: Client, subject: string, onMessage: (message: Msg) => void): Subscription {
  return client.subscribe(subject, {
    callback: (error, message) => {
      if (error) return; // a denied subscription: status() reports it too
      try {
        onMessage(message);
      } catch {
        // An error would end the client's reader, and with it the connection. Only an answer that is not from JetStream can be malformed
        // here; its publish is repeated.
      }
    },
  });
}

function answerOf(message: Msg): 'stored' | 'noStream' | { code: number; description: string } {
  if (message.data.length === 0) return 'noStream';
  const { error } = message.json<{ error?: { code: number; description?: string } }>();
  return error ? { code: error.code, description: error.description ?? 'refused' } : 'stored';
}

async function connectionOptions(access: NatsAccess, name: string): Promise<ConnectionOptions> {
  const servers = serversOf(access);
  const { tlsCaFile, tlsCertFile, tlsKeyFile } = access;
  const secure = tlsCaFile || tlsCertFile || tlsKeyFile || servers.some((url) => url.startsWith('tls://'));
  const authenticator = await authenticatorFor(access);
  return {
    servers,
    name,
    inboxPrefix: inboxPrefixOf(access, name),
    reconnect: false,
    timeout: 5_000,
    // A dead peer is noticed after the third interval; the default would take minutes.
    pingInterval: 15_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(authenticator && { authenticator }),
    ...(secure && {
      tls: {
        ...(tlsCaFile && { ca: await readFile(tlsCaFile, 'utf8') }),
        ...(tlsCertFile && { cert: await readFile(tlsCertFile, 'utf8') }),
        ...(tlsKeyFile && { key: await readFile(tlsKeyFile, 'utf8') }),
      },
    }),
  };
}

/**
 * Returns the prefix of the subjects on which answers arrive. Each user has its own prefix, so that the server's permissions can keep a
 * user from reading the answers to the others. A common `_INBOX.>` would allow that.
 * @param name of the client, for one without a user
 */
export function inboxPrefixOf({ user }: NatsAccess, name: string): string {
  return `_INBOX_${(user || name).replace(/[^A-Za-z0-9_-]/g, '_')}`;
}

function serversOf({ url }: NatsAccess): string[] {
  return url.split(',').map((server) => server.trim());
}

async function authenticatorFor(access: NatsAccess): Promise<Authenticator | undefined> {
  if (access.credsFile) return credsAuthenticator(await readFile(access.credsFile));
  if (access.nkeyFile)
    return nkeyAuthenticator(new TextEncoder().encode((await readFile(access.nkeyFile, 'utf8')).trim()));
  if (access.token) return tokenAuthenticator(access.token);
  if (access.user) return usernamePasswordAuthenticator(access.user, access.password);
  const { username, password } = URL.parse(access.url.split(',')[0] ?? '') ?? {};
  if (username && password)
    return usernamePasswordAuthenticator(decodeURIComponent(username), decodeURIComponent(password));
  return undefined;
}

function backoffMs(failures: number): number {
  const ceiling = Math.min(10_000, 250 * 2 ** Math.min(failures, 8));
  // Full jitter above a minimum, because all operators lose the server at the same moment.
  return 100 + Math.random() * ceiling;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' && !error.message.includes(code) ? `${code}: ${error.message}` : error.message;
}
