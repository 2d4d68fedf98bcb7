// The process that owns a cluster's processes: `node supervisor.ts <cluster folder>`. The process that starts the cluster holds its stdin.
// When that process ends, however it ends, stdin closes, and the supervisor stops and removes everything, unless it was released before.
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { ProcessTable } from './process-table.ts';
import { jsonLines, type Method, type RequestMessage, type Requests, type ServerMessage } from './protocol.ts';
import { removeClusterFolder, socketPath } from './state.ts';

const dir = process.argv[2];
if (dir === undefined) throw new Error('usage: supervisor.ts <cluster folder>');

const clients = new Set<Socket>();
const send = (socket: Socket, message: ServerMessage) => socket.write(`${JSON.stringify(message)}\n`);
const table = new ProcessTable(dir, () => {
  for (const client of clients) send(client, { processes: table.states() });
});

let released = false;
let goingDown: Promise<void> | undefined;

function down(): Promise<void> {
  goingDown ??= table.close().then(() => removeClusterFolder(dir ?? ''));
  return goingDown;
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

type Handlers = { [M in Method]: (params: Requests[M]['params']) => Promise<void> };
const handlers: Handlers = {
  run: (spec) => table.run(spec),
  start: ({ name }) => table.start(name),
  stop: ({ name, signal }) => table.stop(name, signal),
  release: async () => {
    released = true;
  },
  down,
};

async function answer(socket: Socket, { id, method, params }: RequestMessage): Promise<void> {
  try {
    await handlers[method](params as never);
    send(socket, { id, result: null });
  } catch (error) {
    send(socket, { id, error: error instanceof Error ? error.message : String(error) });
  }
  if (method === 'down') server.close(() => process.exit(0));
  if (method === 'down') for (const client of clients) client.end();
}

const server = createServer((socket) => {
  clients.add(socket);
  socket.setEncoding('utf8');
  const receive = jsonLines<RequestMessage>((request) => {
    answer(socket, request).catch(fail);
  });
  socket.on('data', (chunk: string) => receive(chunk));
  socket.on('error', () => {}); // the client has disconnected; 'close' follows
  socket.on('close', () => clients.delete(socket));
  send(socket, { processes: table.states() });
});

const downAndExit = () => {
  down().then(() => process.exit(0), fail);
};
process.stdin.on('end', () => released || downAndExit());
process.stdin.on('error', () => released || downAndExit());
process.stdin.resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, downAndExit);
process.on('uncaughtException', (error) => {
  console.error(error);
  downAndExit();
});

rmSync(socketPath(dir), { force: true });
server.listen(socketPath(dir));
