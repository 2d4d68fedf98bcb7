import type { EventBus } from '@kuperator/events';
import type { OperatorContext, OperatorPart } from '@kuperator/runtime';
import type { Config } from './config.ts';
import { podTransitionRuleController } from './podtransitionrule/controller.ts';

/** Every controller of this operator. */
export function controllers(context: OperatorContext<Config>, events: EventBus): readonly OperatorPart[] {
  return [podTransitionRuleController(context, events)];
}
