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
      'time for which no EndpointSlice lists a Pod as ready before its traffic counts as off, in milliseconds; proxies need this time to follow; a Service can override it',
    min: 0,
    max: 600_000,
    default: 2000,
  }),
  trafficOnHoldMs: integer({
    meaning:
      'time for which an EndpointSlice lists a Pod as ready before its traffic counts as on, in milliseconds; a Service can override it',
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
