import { createHash } from 'node:crypto';
import type { Service } from '@kuperator/api';

/** The products take descriptions of at most so many characters. */
const MAX_LENGTH = 80;

/** The description of the servers that the adapter adds for a Service: how it knows them again. */
export function descriptionFor(cluster: string, { metadata }: Service): string {
  const full = `kuperator/${cluster}/${metadata.namespace}/${metadata.name}`;
  if (full.length <= MAX_LENGTH) return full;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, 16);
  return `${full.slice(0, MAX_LENGTH - digest.length - 1)}-${digest}`;
}
