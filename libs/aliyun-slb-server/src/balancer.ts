import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Control } from './control/control.ts';
import { type Backend, isSameBackend, type Listener } from './world/state.ts';

export type BalancerOptions = {
  control: Control;
  /** The loopback port of the local process that stands for a Pod's port; undefined if there is none. */
  portOf: (podIp: string, port: number) => number | undefined;
  /** How long a connection may go on after its backend was removed, as with connection draining of the product; default 0. */
  connectionDrainMs?: number;
  /** How often listeners and backends are compared with the server; default 20. */
  pollMs?: number;
  /** Returns a number from 0 to 1, for the choice among backends; default Math.random. */
  random?: () => number;
};

/** Forwards TCP connections as the load balancers of a server would. */
export type Balancer = {
  /** The loopback port of a listener of an instance; undefined while there is none. */
  port(loadBalancerId: string, listenerPort: number): number | undefined;
  /** Compares with the server at once, in place of the next poll. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** One open listener with its connections. */
type Open = { listener: Listener; server: Server; connections: Set<Connection> };
type Connection = { backend: Backend; client: Socket; upstream: Socket; removedAt?: number };

/**
 * Starts a balancer. Each listener that runs gets a loopback port. A new connection goes to a backend with a weight above 0 that is healthy,
 * chosen at random by weight. An established connection stays when the weight becomes 0, and is cut when the listener goes, or the backend and its
 * connection drain is over.
 */
export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const balancer = new TcpBalancer(options);
  await balancer.refresh();
  return balancer;
}

class TcpBalancer implements Balancer {
  readonly #control: Control;
  readonly #portOf: BalancerOptions['portOf'];
  readonly #random: () => number;
  readonly #drainMs: number;
  readonly #open = new Map<string, Open>();
  readonly #timer: NodeJS.Timeout;
  /** One comparison at a time, so that no listener is opened twice. */
  #comparing: Promise<void> = Promise.resolve();

  constructor({ control, portOf, connectionDrainMs = 0, pollMs = 20, random = Math.random }: BalancerOptions) {
    this.#drainMs = connectionDrainMs;
    this.#control = control;
    this.#portOf = portOf;
    this.#random = random;
    this.#timer = setInterval(() => {
      this.refresh().catch((error: unknown) => console.error(error));
    }, pollMs);
  }

  port(loadBalancerId: string, listenerPort: number): number | undefined {
    for (const { listener, server } of this.#open.values()) {
      if (listener.loadBalancerId !== loadBalancerId || listener.port !== listenerPort) continue;
      return (server.address() as AddressInfo | null)?.port;
    }
    return undefined;
  }

  refresh(): Promise<void> {
    this.#comparing = this.#comparing.then(() => this.#compare());
    return this.#comparing;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#comparing;
    for (const open of this.#open.values()) close(open);
    this.#open.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #compare(): Promise<void> {
    const { listeners, groups } = this.#control.readState();
    for (const [id, open] of this.#open) {
      const listener = listeners.get(id);
      if (!listener?.isRunning) {
        close(open);
        this.#open.delete(id);
        continue;
      }
      open.listener = listener;
      const members = groups.get(listener.groupId)?.backends ?? [];
      for (const connection of open.connections) {
        if (members.some((member) => isSameBackend(member, connection.backend))) {
          delete connection.removedAt;
          continue;
        }
        connection.removedAt ??= performance.now();
        if (performance.now() - connection.removedAt >= this.#drainMs) cut(connection);
      }
    }
    for (const listener of listeners.values()) {
      if (!listener.isRunning || this.#open.has(listener.id) || !/^tcp$/i.test(listener.protocol)) continue;
      this.#open.set(listener.id, await this.#listen(listener));
    }
  }

  async #listen(listener: Listener): Promise<Open> {
    const connections = new Set<Connection>();
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const chosen = this.#choose(listener.id);
      if (!chosen) {
        client.destroy();
        return;
      }
      connections.add(this.#forward(client, chosen, (connection) => connections.delete(connection)));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return { listener, server, connections };
  }

  #choose(listenerId: string): { backend: Backend; port: number } | undefined {
    const candidates = this.#control.readHealth(listenerId).flatMap(({ backend, health }) => {
      const port = this.#portOf(backend.serverIp, backend.port);
      const takesConnections = backend.weight > 0 && health === 'normal' && backend.status !== 'Adding';
      return takesConnections && port !== undefined ? [{ backend, port }] : [];
    });
    let point = this.#random() * candidates.reduce((sum, { backend }) => sum + backend.weight, 0);
    for (const candidate of candidates) {
      point -= candidate.backend.weight;
      if (point < 0) return candidate;
    }
    return candidates.at(-1);
  }

  #forward(
    client: Socket,
    { backend, port }: { backend: Backend; port: number },
    onClose: (connection: Connection) => void,
  ): Connection {
    const upstream = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const connection: Connection = { backend, client, upstream };
    client.pipe(upstream);
    upstream.pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      // One side has failed: the other one must notice, as it would through a real balancer.
      socket.on('error', () => other.resetAndDestroy());
      socket.on('close', () => {
        onClose(connection);
        if (!other.writableEnded) other.destroy();
      });
    }
    return connection;
  }
}

function close({ server, connections }: Open): void {
  server.close();
  for (const connection of connections) cut(connection);
}

function cut({ client, upstream }: Connection): void {
  client.resetAndDestroy();
  upstream.resetAndDestroy();
}
