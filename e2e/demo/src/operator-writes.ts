import { readFile } from 'node:fs/promises';

const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/**
 * Writes of our operators in the API server's audit log so far; Kubernetes Events and Leases left out, refused ones
 * counted.
 */
export async function operatorWrites(auditLog: string): Promise<number> {
  const lines = (await readFile(auditLog, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('"userAgent":"kuperator-'));
  return lines.filter((line) => {
    const { stage, verb, objectRef } = JSON.parse(line) as {
      stage: string;
      verb: string;
      objectRef?: { resource?: string };
    };
    const { resource = '' } = objectRef ?? {};
    return stage === 'ResponseComplete' && WRITES.has(verb) && resource !== 'events' && resource !== 'leases';
  }).length;
}
