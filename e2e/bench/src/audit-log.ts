import { open } from 'node:fs/promises';

/** One finished API call, as far as the counts need it. */
export type ApiCall = {
  readonly client: string;
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
};

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Reads the Metadata-level audit log of the API server piece by piece, as it grows. */
export class AuditLog {
  readonly #file: string;
  #offset = 0;
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** Calls finished since the last read. */
  async read(): Promise<readonly ApiCall[]> {
    const handle = await open(this.#file, 'r');
    try {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(size - this.#offset);
      await handle.read(buffer, 0, buffer.length, this.#offset);
      this.#offset = size;
      const lines = (this.#rest + buffer.toString('utf8')).split('\n');
      this.#rest = lines.pop() ?? '';
      return lines.flatMap((line) => parse(line));
    } finally {
      await handle.close();
    }
  }
}

function parse(line: string): readonly ApiCall[] {
  const event: unknown = JSON.parse(line);
  const { stage, verb, userAgent, user, objectRef, responseStatus } = event as {
    stage: string;
    verb: string;
    userAgent?: string;
    user?: { username?: string };
    objectRef?: { resource?: string; subresource?: string };
    responseStatus?: { code?: number };
  };
  if (stage !== 'ResponseComplete' || !objectRef) return [];
  const resource = objectRef.subresource
    ? `${objectRef.resource}/${objectRef.subresource}`
    : (objectRef.resource ?? '');
  return [{ client: clientOf(userAgent, user?.username), verb, resource, code: responseStatus?.code ?? 0 }];
}

function clientOf(userAgent = '', username = ''): string {
  const agent = userAgent.split(/[/ ]/)[0] ?? '';
  return agent.startsWith('kuperator-') ? agent.slice('kuperator-'.length) : agent || username;
}

export type CallCount = {
  readonly client: string;
  readonly verb: string;
  readonly resource: string;
  readonly calls: number;
};

/** Calls by client, verb and resource, most first. A refused call (4xx) is marked, since it changed nothing but cost. */
export function countCalls(calls: readonly ApiCall[]): readonly CallCount[] {
  const counts = new Map<string, CallCount>();
  for (const { client, verb, resource, code } of calls) {
    const shown = code >= 400 ? `${verb} → ${code}` : verb;
    const key = `${client} ${shown} ${resource}`;
    counts.set(key, { client, verb: shown, resource, calls: (counts.get(key)?.calls ?? 0) + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.calls - a.calls);
}

/** Writes our operators made, Kubernetes Events and Leases left out: the currency. */
export function operatorWrites(calls: readonly ApiCall[], operators: readonly string[]): number {
  return calls.filter(
    ({ client, verb, resource }) =>
      operators.includes(client) && WRITES.has(verb) && resource !== 'events' && resource !== 'leases',
  ).length;
}
