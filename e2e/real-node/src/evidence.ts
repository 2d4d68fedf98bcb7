// Evidence of an operation besides its requests: the records of the applications, the packet filter and the API server.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { stateFolder } from './host.ts';
import { signalsFolder } from './nodes.ts';
import type { Signal, SliceChange } from './slack.ts';

export const auditFile = join(stateFolder, 'audit.jsonl');

/** Audit policy: records the written objects of EndpointSlices, and nothing else. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
  rules: [
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete'],
      resources: [{ group: 'discovery.k8s.io', resources: ['endpointslices'] }],
    },
    { level: 'None' },
  ],
};

/** Signals that the containers of `application` have recorded, in order of time. */
export async function readSignals(application: string): Promise<readonly Signal[]> {
  const signals = (await linesOf(join(signalsFolder, 'log'))).map((line) => JSON.parse(line) as Signal);
  return signals.filter(({ pod }) => pod.replace(/-[^-]+$/, '') === application).toSorted((a, b) => a.atMs - b.atMs);
}

type AuditEvent = {
  stageTimestamp: string;
  responseStatus?: { code?: number };
  responseObject?: {
    kind?: string;
    metadata?: { uid?: string };
    endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
  };
};

/** How the endpoints of all Services have changed, in order of time. */
export async function readSliceChanges(): Promise<readonly SliceChange[]> {
  return sliceChangesOf((await linesOf(auditFile)).map((line) => JSON.parse(line) as AuditEvent));
}

export function sliceChangesOf(events: readonly AuditEvent[]): readonly SliceChange[] {
  const readyIn = new Map<string, ReadonlySet<string>>();
  const changes: SliceChange[] = [];
  for (const { stageTimestamp, responseStatus, responseObject: slice } of events) {
    const uid = slice?.metadata?.uid;
    if ((responseStatus?.code ?? 0) >= 300 || slice?.kind !== 'EndpointSlice' || uid === undefined) continue;
    const atMs = Date.parse(stageTimestamp);
    const before = readyIn.get(uid) ?? new Set();
    const ready = new Set(
      (slice.endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses }) => addresses),
    );
    for (const ip of before) if (!ready.has(ip)) changes.push({ atMs, ip, ready: false });
    for (const ip of ready) if (!before.has(ip)) changes.push({ atMs, ip, ready: true });
    readyIn.set(uid, ready);
  }
  return changes;
}

async function linesOf(file: string): Promise<readonly string[]> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return [];
  try {
    const lines = (await handle.readFile('utf8')).split('\n');
    return lines.slice(0, -1); // the last line is empty or incomplete
  } finally {
    await handle.close();
  }
}
