import { own, setOwn } from '@kuperator/api';
import { isJsonObject, type Json, type JsonObject } from './merge-patch.ts';

// Merge keys of the lists in the built-in types that we patch. Every other list is replaced as a whole.
// See the patchMergeKey tags in k8s.io/api/core/v1.
const MERGE_KEYS: Record<string, string> = {
  conditions: 'type',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  podIPs: 'ip',
  ownerReferences: 'uid',
};
const MERGED_PRIMITIVES = new Set(['finalizers']);

/** Applies a strategic merge patch as kube-apiserver does for built-in types; neither argument is changed. */
export function strategicMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  if (patch.$patch === 'replace') {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  const retained = patch.$retainKeys;
  if (Array.isArray(retained)) {
    for (const field of Object.keys(result)) if (!retained.includes(field)) delete result[field];
  }
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$deleteFromPrimitiveList/')) {
      const list = field.slice(field.indexOf('/') + 1);
      const removed = new Set(Array.isArray(value) ? value : []);
      const present = own(result, list);
      const kept = Array.isArray(present) ? present.filter((item) => !removed.has(item)) : present;
      if (kept !== undefined) setOwn(result, list, kept);
    } else if (field.startsWith('$')) {
      // $setElementOrder, $retainKeys and $patch are directives, not fields.
    } else if (value === null) {
      delete result[field];
    } else if (Array.isArray(value)) {
      setOwn(result, field, mergeList(field, own(result, field), value));
    } else {
      setOwn(result, field, strategicMergePatch(own(result, field), value));
    }
  }
  return result;
}

function mergeList(field: string, target: Json | undefined, patch: Json[]): Json[] {
  const present = Array.isArray(target) ? target : [];
  if (MERGED_PRIMITIVES.has(field)) return [...new Set([...present, ...patch])];
  const mergeKey = own(MERGE_KEYS, field);
  if (mergeKey === undefined || !patch.every(isJsonObject)) return patch;
  if (patch.some((item) => item.$patch === 'replace' && Object.keys(item).length === 1)) {
    return patch.filter((item) => item.$patch === undefined);
  }
  const result = [...present];
  for (const item of patch) {
    const index = result.findIndex((other) => isJsonObject(other) && own(other, mergeKey) === own(item, mergeKey));
    if (item.$patch === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) {
      result[index] = strategicMergePatch(result[index], item);
    } else {
      result.push(strategicMergePatch(undefined, item));
    }
  }
  return result;
}
