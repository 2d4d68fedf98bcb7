import type { KubeObject } from '@kuperator/api';
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export class EventRecorder {
  constructor(_options: {
    client: KubeClient;
    app: string;
    instance: string;
    logger: Logger;
    metrics?: Metrics;
    clock?: Clock;
  }) {}

  normal(_object: KubeObject, _reason: string, _message: string): void {}
  warn(_object: KubeObject, _reason: string, _message: string): void {}
}
