import { operatorBus } from '@kuperator/events';
import { readConfig, runOperator } from '@kuperator/runtime';
import { collaSetConfig } from './config.ts';
import { controllers } from './controllers.ts';

const app = 'collaset-controller';

await runOperator({
  app,
  config: readConfig(collaSetConfig),
  build(context) {
    const events = operatorBus(app, context);
    return [{ components: [events] }, ...controllers(context, events)];
  },
});
