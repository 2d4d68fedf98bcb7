import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../core.ts';
import type { KuperatorKind } from '../test/validate.ts';

export type ManifestObject = KubeObject & { kind: KuperatorKind; spec?: unknown };

/** One file of testdata. Each object after the first is a changed version of the object before it. The last one is tested. */
type Manifest = {
  name: string;
  objects: readonly ManifestObject[];
  /** A part of the API server's message. */
  server: string;
  /** The beginning of the error of `validate`: path, space, message. */
  ours: string;
};

/** Manifests that must be refused (`bad`), and unusual manifests that must be accepted (`legal`). */
export function manifests(folder: 'bad' | 'legal'): Manifest[] {
  const path = join(import.meta.dirname, folder);
  return readdirSync(path).map((file) => {
    const text = readFileSync(join(path, file), 'utf8');
    const said = (who: string) => text.match(new RegExp(`^# ${who}: (.*)$`, 'm'))?.[1] ?? '';
    const objects = parseAllDocuments(text).map((document) => document.toJS() as ManifestObject);
    return { name: file.replace('.yaml', ''), objects, server: said('server'), ours: said('ours') };
  });
}
