import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, flag, integer } from '@kuperator/runtime';

/** Settings of this operator, beside those every operator has. */
export const collaSetConfig = defineConfig({
  ...commonConfig,
  ...natsConfig,
  reconcileIntervalMs: integer({
    meaning: 'least time between two passes over one CollaSet, in ms: events in between are taken together',
    min: 0,
    max: 10_000,
    default: 20,
  }),
  statusIntervalMs: integer({
    meaning:
      'least time between two status writes that nobody waits for (counts, conditions of a set under way), in ms',
    min: 0,
    max: 60_000,
    default: 1000,
  }),
  passMs: integer({
    meaning: 'a pass begins no further write after this, in ms; the rest is decided anew',
    min: 1,
    max: 60_000,
    default: 250,
  }),
  maxWrites: integer({ meaning: 'writes of one kind at once for one CollaSet', min: 1, max: 1000, default: 32 }),
  reclaimScaleStrategy: flag({
    meaning: 'take names out of podToDelete, podToExclude and podToInclude once they are served',
    default: false,
  }),
});

export type Config = ConfigOf<typeof collaSetConfig>;
