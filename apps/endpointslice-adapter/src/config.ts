import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, integer } from '@kuperator/runtime';

/** Settings of the adapter, besides the common ones. */
export const declaration = defineConfig({
  ...commonConfig,
  ...natsConfig,
  batchMs: integer({
    meaning: 'minimum time between two passes over one Service, in milliseconds; the first is immediate',
    min: 0,
    max: 60_000,
    default: 10,
  }),
  trafficOffHoldMs: integer({
    meaning:
      'how long no EndpointSlice may have listed a Pod as ready before its traffic counts as off, in milliseconds: the time proxies take to follow; a Service may say otherwise',
    min: 0,
    max: 600_000,
    default: 2000,
  }),
  trafficOnHoldMs: integer({
    meaning:
      'how long an EndpointSlice must have listed a Pod as ready before its traffic counts as on, in milliseconds; a Service may say otherwise',
    min: 0,
    max: 600_000,
    default: 1500,
  }),
  resyncSeconds: integer({
    meaning: 'how often every Service is checked even without a change, in seconds',
    min: 10,
    max: 86_400,
    default: 600,
  }),
});

export type Config = ConfigOf<typeof declaration>;
