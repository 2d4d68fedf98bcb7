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
});

export type Config = ConfigOf<typeof declaration>;
