import type { Server, Socket } from 'node:net';

type End = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/**
 * Bounds the connections of a server. A new connection beyond `max` closes the oldest connection that is not trusted, so a client that
 * opens many idle connections blocks no other client for long. A connection of a peer that has authenticated (`trust`) stays open;
 * if all connections are trusted, the new one is closed.
 */
export class Connections {
  readonly #strangers = new Map<string, Socket>();
  readonly #trusted = new Map<string, Socket>();

  constructor(server: Server, { max, onDropped = () => {} }: { max: number; onDropped?: () => void }) {
    // For a TLS server this is the connection below, before its handshake.
    server.on('connection', (socket: Socket) => {
      if (this.size >= max) {
        onDropped();
        const [oldest] = this.#strangers.values();
        (oldest ?? socket).destroy();
        if (!oldest) return;
        this.#remove(oldest);
      }
      const end = endOf(socket);
      this.#strangers.set(end, socket);
      socket.once('close', () => this.#remove(socket, end));
    });
  }

  get size(): number {
    return this.#strangers.size + this.#trusted.size;
  }

  /** Marks the connection of this socket, or of the TLS socket above it, as that of an authenticated peer. */
  trust(socket: End): void {
    const end = endOf(socket);
    const stranger = this.#strangers.get(end);
    if (!stranger) return;
    this.#strangers.delete(end);
    this.#trusted.set(end, stranger);
  }

  #remove(socket: Socket, end = endOf(socket)): void {
    if (this.#strangers.get(end) === socket) this.#strangers.delete(end);
    if (this.#trusted.get(end) === socket) this.#trusted.delete(end);
  }
}

/** The same for a TLS socket and the one below it, which Node.js does not show. */
function endOf({ remoteAddress, remotePort }: End): string {
  return `${remoteAddress} ${remotePort}`;
}
