import { operatorBus } from '@kuperator/events';
import { readConfig, runOperator } from '@kuperator/runtime';
import { caches } from './caches.ts';
import { declaration } from './config.ts';
import { controllers } from './controllers.ts';
import { deletionMetrics } from './pod-deletion/metrics.ts';
import { webhook } from './webhook/component.ts';

const app = 'podopslifecycle-coordinator';

await runOperator({
  app,
  config: readConfig(declaration),
  build: async (context) => {
    const events = operatorBus(app, context);
    const cached = caches(context);
    const deletion = deletionMetrics(context.metrics);
    return {
      informers: [cached.pods, cached.rules, cached.services],
      controllers: controllers(context, events, cached, deletion),
      components: [events, ...webhook(context, cached, deletion)],
    };
  },
});
