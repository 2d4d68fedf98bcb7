import type { Type } from 'typebox';
import type { KubeObject } from './core.ts';
import type { KindDeclaration } from './kind.ts';
import { fields, integer, listByKey, optional, type Rule, stringMap } from './schema.ts';

// A pool is shared, so an entry may have any owner. An entry without an owner could never be freed.
export const HAS_OWNER: Rule = {
  rule: "has(self.data) && 'Owner' in self.data && self.data['Owner'] != ''",
  message: 'data.Owner must name the CollaSet that holds the id',
  reason: 'FieldValueRequired',
};

/** The number of digits that are read from the instance id label of a Pod. */
const MAX_ID = 999_999_999;

const context = fields(
  { id: integer({ minimum: 0, maximum: MAX_ID }), data: optional(stringMap()) },
  { rules: [HAS_OWNER] },
);
const spec = fields({ contexts: optional(listByKey('id', context)) });

/** One instance id of a pool, and what is recorded about it. */
export type ContextEntry = Type.Static<typeof context>;
type ResourceContextSpec = Type.Static<typeof spec>;
export type ResourceContext = KubeObject & { spec: ResourceContextSpec };

export const resourceContextKind: KindDeclaration = {
  kind: 'ResourceContext',
  plural: 'resourcecontexts',
  // Go's short name `rc` is ReplicationController's: kubectl would warn at every `kubectl get rc`.
  shortNames: ['rctx'],
  description: 'Holds the instance ids of one or more CollaSets. Written by the collaset-controller.',
  spec,
  specRequired: false,
  columns: [],
};
