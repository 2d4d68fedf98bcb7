import { Type } from 'typebox';
import type { KubeObject } from './core.ts';
import { fields, listOf, optional, type Static, stringMap } from './schema.ts';

const context = fields({
  id: Type.Integer(),
  data: optional(stringMap()),
});

export const resourceContextSpec = fields({
  contexts: optional(listOf(context, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'] })),
});

/** One instance id of a pool and what is recorded of it. */
export type ContextEntry = Static<typeof context>;
export type ResourceContextSpec = Static<typeof resourceContextSpec>;
export type ResourceContext = KubeObject & { spec: ResourceContextSpec };
