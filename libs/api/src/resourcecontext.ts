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
  {
    id: integer({
      minimum: 0,
      maximum: MAX_ID,
      description: `Instance id of a Pod, from 0 to ${MAX_ID}. No two entries have the same id.`,
    }),
    data: optional(
      stringMap({
        description:
          'Facts about the id. Owner, which is required, names the CollaSet that holds it, and Revision names the ControllerRevision of its Pod. Further keys record operations that are not finished.',
      }),
    ),
  },
  { rules: [HAS_OWNER] },
);
const spec = fields(
  {
    contexts: optional(
      listByKey('id', context, {
        description: 'One entry for each instance id that is in use. A free id has no entry.',
      }),
    ),
  },
  { description: 'Instance ids of the CollaSets that use this pool. Users do not write it.' },
);

/** One instance id of a pool, and what is recorded about it. */
export type ContextEntry = Type.Static<typeof context>;
type ResourceContextSpec = Type.Static<typeof spec>;
/** The instance ids of a CollaSet, and what is known of each. */
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
