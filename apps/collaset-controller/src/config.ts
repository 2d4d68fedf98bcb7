import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, flag, integer } from '@kuperator/runtime';

/** The settings of this operator, in addition to those that every operator has. */
export const collaSetConfig = defineConfig({
  ...commonConfig,
  ...natsConfig,
  reconcileIntervalMs: integer({
    meaning: 'minimum time between two passes over one CollaSet, in ms; events in between are handled together',
    min: 0,
    max: 10_000,
    default: 20,
  }),
  statusIntervalMs: integer({
    meaning:
      'minimum time between two status writes that only change counts, or conditions of a running rollout, in ms',
    min: 0,
    max: 60_000,
    default: 1000,
  }),
  passMs: integer({
    meaning: 'time after which a pass starts no further write, in ms; the next pass plans the rest again',
    min: 1,
    max: 60_000,
    default: 250,
  }),
  maxWrites: integer({
    meaning: 'maximum number of concurrent writes of one kind for one CollaSet',
    min: 1,
    max: 1000,
    default: 32,
  }),
  reclaimScaleStrategy: flag({
    meaning: 'remove names from podToDelete, podToExclude and podToInclude once their request is done',
    default: false,
  }),
});

export type Config = ConfigOf<typeof collaSetConfig>;
