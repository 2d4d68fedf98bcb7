// An operator for tests of runOperator: labels every ConfigMap it sees with the replica that worked on it.
import { splitKey } from '@kuperator/api';
import { Informer } from '../cache/informer.ts';
import { Controller } from '../controller/controller.ts';
import { runOperator } from '../operator.ts';
import { commonConfig } from '../process/common-config.ts';
import { defineConfig } from '../process/config.ts';
import { readConfig } from '../process/process.ts';
import { CONFIG_MAPS } from './config-maps.ts';

await runOperator({
  app: 'fixture-operator',
  config: readConfig(defineConfig(commonConfig)),
  build: ({ client, config, logger, metrics, shards }) => {
    const informer = new Informer({ client, resource: CONFIG_MAPS, labelSelector: 'shared', logger, metrics });
    const controller = new Controller({
      name: 'configmap',
      concurrency: config.concurrency,
      keys: () => informer.keys(),
      shards,
      logger,
      metrics,
      async reconcile(key) {
        const object = informer.get(key);
        if (!object || object.metadata.labels?.by) return;
        const { resourceVersion } = object.metadata;
        const body = { metadata: { resourceVersion, labels: { by: config.podName } } };
        informer.observe(await client.patch(CONFIG_MAPS, splitKey(key), { type: 'merge', body }));
      },
    });
    informer.onChange(({ key }) => controller.enqueue(key));
    return [{ informers: [informer], controller }];
  },
});
