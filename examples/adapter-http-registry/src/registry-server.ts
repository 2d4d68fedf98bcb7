// A small service registry, which keeps everything in memory. PORT, HOST and DRAIN_MS are its settings.
//
//   GET    /services/<namespace>/<name>/members       the members: [{ id, podName, address, state }]
//   PUT    /services/<namespace>/<name>/members/<id>  registers a member: { podName, address }
//   DELETE /services/<namespace>/<name>/members/<id>  drains a member, and removes it after DRAIN_MS
//   GET    /changes                                   what has happened: [{ atMs, podName, change }]
import { createServer, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Member } from './registry.ts';

type Change = { atMs: number; podName: string; change: 'registered' | 'draining' | 'removed' };

const drainMs = Number(process.env.DRAIN_MS ?? 1000);
const services = new Map<string, Map<string, Member>>();
const changes: Change[] = [];

const server = createServer((request, response) => {
  answer(request).then(
    (body) => response.writeHead(body === undefined ? 404 : 200).end(JSON.stringify(body ?? null)),
    (error: unknown) => response.writeHead(400).end(String(error)),
  );
});
server.listen(Number(process.env.PORT ?? 8000), process.env.HOST ?? '127.0.0.1');

async function answer(request: IncomingMessage): Promise<unknown> {
  if (request.url === '/changes') return changes;
  const [, service = '', id] = /^\/services\/([^/]+\/[^/]+)\/members(?:\/([^/]+))?$/.exec(request.url ?? '') ?? [];
  const members = services.get(service) ?? new Map<string, Member>();
  if (request.method === 'GET' && service && !id) return [...members.values()];
  if (!service || !id) return undefined;
  services.set(service, members);
  if (request.method === 'PUT') {
    const { podName, address } = (await json(request)) as { podName: string; address: string };
    members.set(id, { id, podName, address, state: 'serving' });
    note(podName, 'registered');
    return {};
  }
  if (request.method !== 'DELETE') return undefined;
  const member = members.get(id);
  if (member?.state !== 'serving') return {};
  const draining: Member = { ...member, state: 'draining' };
  members.set(id, draining);
  note(member.podName, 'draining');
  setTimeout(() => {
    // Registered again meanwhile, it stays.
    if (members.get(id) !== draining) return;
    members.delete(id);
    note(member.podName, 'removed');
  }, drainMs);
  return {};
}

function note(podName: string, change: Change['change']): void {
  changes.push({ atMs: performance.timeOrigin + performance.now(), podName, change });
}
