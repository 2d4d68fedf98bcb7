import { operatorBus } from '@kuperator/events';
import { readConfig, runOperator } from '@kuperator/runtime';
import { collaSetConfig } from './config.ts';
import { controllers } from './controllers.ts';

const app = 'collaset-controller';

await runOperator({
  app,
  config: readConfig(collaSetConfig),
  async build(context) {
    const events = operatorBus(app, context);
    const all = controllers(context, events);
    return {
      informers: all.flatMap(({ informers }) => informers),
      controllers: all.map(({ controller }) => controller),
      components: [events],
    };
  },
});
