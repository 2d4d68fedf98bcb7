import type { EventBus } from '@kuperator/events';
import type { OperatorContext } from '@kuperator/runtime';
import { collaSetController } from './collaset/controller.ts';
import type { Config } from './config.ts';

/** Every controller of this operator. */
export function controllers(context: OperatorContext<Config>, events: EventBus) {
  return [collaSetController(context, events)];
}
