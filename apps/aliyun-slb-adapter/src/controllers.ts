import type { EventBus } from '@kuperator/events';
import type { OperatorContext, OperatorPart } from '@kuperator/runtime';
import type { Config } from './config.ts';
import { connectCloud } from './connect.ts';
import { serviceController } from './service/controller.ts';

/** Every controller of this operator. */
export function controllers(context: OperatorContext<Config>, events: EventBus): readonly OperatorPart[] {
  const { config, clock, metrics, shards } = context;
  const cloud = connectCloud(config, { clock, metrics, replicas: () => shards.members().length });
  return [serviceController(context, events, cloud)];
}
