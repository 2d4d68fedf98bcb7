import {
  employeePodOptions,
  employerOptions,
  resourceConsistController,
  SERVICE_EMPLOYERS,
} from '@kuperator/resourceconsist';
import { commonConfig, defineConfig, Informer, readConfig, runOperator, text } from '@kuperator/runtime';
import { httpRegistryAdapter } from './adapter.ts';
import { Registry } from './registry.ts';

const declaration = defineConfig({
  ...commonConfig,
  registryUrl: text({ meaning: 'address of the registry, e.g. http://registry.example:8000' }),
});

await runOperator({
  app: 'http-registry-adapter',
  config: readConfig(declaration),
  build({ client, clock, config, logger, metrics, recorder, shards }) {
    const scope = { client, namespace: config.watchNamespace, logger, metrics };
    const services = new Informer({ ...scope, ...employerOptions(SERVICE_EMPLOYERS) });
    const pods = new Informer({ ...scope, ...employeePodOptions(SERVICE_EMPLOYERS) });
    const controller = resourceConsistController({
      adapter: httpRegistryAdapter(new Registry(config.registryUrl)),
      client,
      employers: services,
      pods,
      recorder,
      clock,
      logger,
      metrics,
      shards,
      concurrency: config.concurrency,
    });
    return [{ informers: [services, pods], controller }];
  },
});
