import type { EventBus } from '@kuperator/events';
import type { OperatorContext, OperatorPart } from '@kuperator/runtime';
import { collaSetController } from './collaset/controller.ts';
import type { Config } from './config.ts';

/** Every controller of this operator. */
export function controllers(context: OperatorContext<Config>, events: EventBus): readonly OperatorPart[] {
  return [collaSetController(context, events)];
}
