import { open } from 'node:fs/promises';

/** The fields of a finished API call that the counts need. */
export type ApiCall = {
  /** Name of the operator, or else the user agent. */
  readonly client: string;
  /** Whether one of our operators made the call. */
  readonly byOperator: boolean;
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
};

const OPERATOR_AGENT = 'kuperator-';
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
  const agent = userAgent?.split(/[/ ]/)[0] ?? '';
  const byOperator = agent.startsWith(OPERATOR_AGENT);
  const client = byOperator ? agent.slice(OPERATOR_AGENT.length) : agent || (user?.username ?? '');
  return [{ client, byOperator, verb, resource, code: responseStatus?.code ?? 0 }];
}

export type CallCount = {
  readonly client: string;
  readonly verb: string;
  readonly resource: string;
  readonly calls: number;
};

/** Counts calls by client, verb and resource, highest count first. Refused calls (4xx) are marked: they changed nothing, but had a cost. */
export function countCalls(calls: readonly ApiCall[]): readonly CallCount[] {
  const counts = new Map<string, CallCount>();
  for (const { client, verb, resource, code } of calls) {
    const shown = code >= 400 ? `${verb} → ${code}` : verb;
    const key = `${client} ${shown} ${resource}`;
    counts.set(key, { client, verb: shown, resource, calls: (counts.get(key)?.calls ?? 0) + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.calls - a.calls);
}

/** Counts the writes of our operators, without Kubernetes Events and Leases, including refused writes. */
export function operatorWrites(calls: readonly ApiCall[]): number {
  return calls.filter(
    ({ byOperator, verb, resource }) =>
      byOperator && WRITES.has(verb) && resource !== 'events' && resource !== 'leases',
  ).length;
}
