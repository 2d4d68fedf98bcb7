import { operatorBus } from '@kuperator/events';
import { readConfig, runOperator } from '@kuperator/runtime';
import { declaration } from './config.ts';
import { controllers } from './controllers.ts';

const app = 'endpointslice-adapter';

await runOperator({
  app,
  config: readConfig(declaration),
  build: async (context) => {
    const events = operatorBus(app, context);
    const parts = controllers(context, events);
    return {
      informers: parts.flatMap(({ informers }) => informers),
      controllers: parts.map(({ controller }) => controller),
      components: [events],
    };
  },
});
