import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../core.ts';
import type { KuperatorKind } from '../test/validate.ts';

export type ManifestObject = KubeObject & { kind: KuperatorKind; spec?: unknown };

/** One file of testdata: each object after the first is the one before it, changed. The last is the one in question. */
type Manifest = {
  name: string;
  objects: readonly ManifestObject[];
  /** What the API server's answer contains. */
  server: string;
  /** What `validate` begins to say: path, blank, message. */
  ours: string;
};

/** Manifests that are refused, and manifests that look odd and must not be. */
export function manifests(folder: 'bad' | 'legal'): Manifest[] {
  const path = join(import.meta.dirname, folder);
  return readdirSync(path).map((file) => {
    const text = readFileSync(join(path, file), 'utf8');
    const said = (who: string) => text.match(new RegExp(`^# ${who}: (.*)$`, 'm'))?.[1] ?? '';
    const objects = parseAllDocuments(text).map((document) => document.toJS() as ManifestObject);
    return { name: file.replace('.yaml', ''), objects, server: said('server'), ours: said('ours') };
  });
}
