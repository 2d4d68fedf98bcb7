import { operatorBus } from '@kuperator/events';
import { readConfig, runOperator } from '@kuperator/runtime';
import { declaration } from './config.ts';
import { controllers } from './controllers.ts';

const app = 'aliyun-slb-adapter';

await runOperator({
  app,
  config: readConfig(declaration),
  build(context) {
    const events = operatorBus(app, context);
    return [{ components: [events] }, ...controllers(context, events)];
  },
});
