import type { Key } from '@kuperator/api';
import type { KubeClient } from './client.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export type ShardsOptions = {
  client: KubeClient;
  namespace: string;
  app: string;
  identity: string;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  leaseDurationMs?: number;
  renewMs?: number;
};

export class Shards {
  readonly #identity: string;
  readonly #clock: Clock;
  readonly #handlers = new Set<() => void>();
  constructor(options: ShardsOptions) {
    this.#identity = options.identity;
    this.#clock = options.clock ?? systemClock;
  }
  async start(): Promise<void> {
    void this.#clock;
  }
  async stop(): Promise<void> {}
  owns(_key: Key): boolean {
    return true;
  }
  members(): readonly string[] {
    return [this.#identity];
  }
  onChange(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }
  registerInFlight(_keys: () => readonly Key[]): () => void {
    return () => {};
  }
}
