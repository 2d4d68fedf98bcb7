import { type ConfigOf, commonConfig, defineConfig, integer } from '@kuperator/runtime';

/** Settings of the coordinator, besides the common ones. */
export const declaration = defineConfig({
  ...commonConfig,
  resyncSeconds: integer({
    meaning: 'every Pod is looked at again this often, in seconds, should a change ever be missed',
    min: 10,
    max: 86_400,
    default: 600,
  }),
  explainAfterSeconds: integer({
    meaning: 'an operation that waits in a stage for so long, in seconds, says on its Pod who holds it',
    min: 1,
    max: 86_400,
    default: 10,
  }),
  stalledAfterSeconds: integer({
    meaning: 'an operation that waits in a stage for so long, in seconds, is reported as stalled; it is never forced',
    min: 1,
    max: 604_800,
    default: 600,
  }),
});

export type Config = ConfigOf<typeof declaration>;
