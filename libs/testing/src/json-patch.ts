import { isDeepStrictEqual } from 'node:util';
import { own, setOwn } from '@kuperator/api';
import { isJsonObject, type Json, type JsonObject } from './merge-patch.ts';

export type JsonPatchOperation = {
  op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy';
  path: string;
  from?: string;
  value?: Json;
};

/**
 * Applies a JSON patch (RFC 6902) to a copy of `document`.
 * @throws Error if a test fails or a path is missing; the API server then answers 422
 */
export function jsonPatch(document: Json, operations: readonly JsonPatchOperation[]): Json {
  const root: JsonObject = { document: structuredClone(document) };
  for (const { op, path, from = '', value = null } of operations) {
    if (op === 'test') {
      // As in the API server, a test for null succeeds if the field is missing.
      if (!isDeepStrictEqual(read(root, path) ?? null, value)) throw new Error(`test of ${path} failed`);
    } else if (op === 'add') {
      write(root, path, structuredClone(value));
    } else if (op === 'replace') {
      if (read(root, path) === undefined) throw new Error(`${path} to replace is missing`);
      remove(root, path);
      write(root, path, structuredClone(value));
    } else if (op === 'remove') {
      remove(root, path);
    } else {
      const moved = read(root, from);
      if (moved === undefined) throw new Error(`${from} to ${op} is missing`);
      if (op === 'move') remove(root, from);
      write(root, path, structuredClone(moved));
    }
  }
  return root.document ?? null;
}

function read(root: JsonObject, path: string): Json | undefined {
  const { parent, last } = locate(root, path);
  return Array.isArray(parent) ? parent[Number(last)] : own(parent, last);
}

function write(root: JsonObject, path: string, value: Json): void {
  const { parent, last } = locate(root, path);
  if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, value);
  else setOwn(parent, last, value);
}

function remove(root: JsonObject, path: string): void {
  const { parent, last } = locate(root, path);
  if (read(root, path) === undefined) throw new Error(`${path} to remove is missing`);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
}

function locate(root: JsonObject, path: string): { parent: JsonObject | Json[]; last: string } {
  const parts = ['document', ...path.split('/').slice(1)].map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
  const last = parts.pop() ?? '';
  let parent: Json | undefined = root;
  for (const part of parts) {
    parent = Array.isArray(parent) ? parent[Number(part)] : isJsonObject(parent) ? own(parent, part) : undefined;
  }
  if (!Array.isArray(parent) && !isJsonObject(parent)) throw new Error(`${path} has no parent`);
  return { parent, last };
}
