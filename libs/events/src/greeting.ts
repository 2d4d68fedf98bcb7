// If a server accepts a connection and sends no greeting, the NATS client keeps the socket, and everything that the server sends.
// So the client gets only servers that have sent the greeting of a NATS server.
import { connect } from 'node:net';

const DEFAULT_PORT = 4222;
/** A greeting has about half a kilobyte; that of a large cluster lists all its servers. */
const MAX_GREETING_BYTES = 64 * 1024;

/**
 * Returns those of `servers` that send a greeting, in the same order.
 * @throws Error if none does, with the reason for each
 */
export async function greetingServers(servers: readonly string[], timeoutMs: number): Promise<string[]> {
  const problems = await Promise.all(servers.map((server) => greetingProblem(server, timeoutMs)));
  const greeting = servers.filter((_, index) => problems[index] === undefined);
  if (greeting.length > 0) return greeting;
  throw new Error([...new Set(problems)].join('; '));
}

/** Returns why `server` is not a NATS server; undefined if it sends the greeting of one. Never rejects. */
function greetingProblem(server: string, timeoutMs: number): Promise<string | undefined> {
  const { hostname, port } = URL.parse(server.includes('://') ? server : `nats://${server}`) ?? {};
  if (!hostname)
    return Promise.resolve(`${JSON.stringify(server)} is no URL of a server: nats://host:port is expected`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) });
    let received = '';
    const end = (problem?: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(problem);
    };
    const timer = setTimeout(() => end(`no NATS greeting within ${timeoutMs} ms`), timeoutMs);
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('the connection was closed before the NATS greeting'));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const lineEnd = received.indexOf('\r\n');
      if (lineEnd >= 0)
        end(isGreeting(received.slice(0, lineEnd)) ? undefined : 'the server does not greet as NATS does');
      else if (received.length > MAX_GREETING_BYTES) end(`no NATS greeting in the first ${MAX_GREETING_BYTES} bytes`);
    });
  });
}

function isGreeting(line: string): boolean {
  const [, info] = /^INFO\s+(.*)$/.exec(line) ?? [];
  try {
    const parsed: unknown = JSON.parse(info ?? '');
    return typeof parsed === 'object' && parsed !== null && 'server_id' in parsed;
  } catch {
    return false;
  }
}
