import { PODS, type Pod } from '@kuperator/api';
import { type createKubeClient, createLogger, Informer } from '@kuperator/runtime';
import type { Arena } from './pod-manifest.ts';

/** An independent watch of a namespace's Pods: phases end when what it shows says so, not when a contender does. */
export class PodWatch {
  readonly informer: Informer<Pod>;
  readonly #waiters = new Set<() => void>();

  constructor(client: ReturnType<typeof createKubeClient>, { namespace }: Arena) {
    const logger = createLogger({ app: 'bench', level: 'error' });
    this.informer = new Informer({ client, resource: PODS, namespace, logger });
    this.informer.onChange(() => {
      for (const look of this.#waiters) look();
    });
  }

  async start(): Promise<void> {
    this.informer.start();
    await this.informer.waitForSync();
  }

  stop(): Promise<void> {
    return this.informer.stop();
  }

  /**
   * Resolves once `done` holds for the Pods there are.
   * @throws Error saying what was waited for, and how far it got, after `timeoutMs`
   */
  until(what: string, done: (pods: readonly Pod[]) => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!done(this.informer.list())) return;
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(look);
        const names = this.informer
          .list()
          .filter((pod) => !done([pod]))
          .slice(0, 5);
        const shown = names.map((pod) => JSON.stringify(pod.metadata.labels)).join('\n  ');
        reject(
          new Error(`${what}: not within ${timeoutMs / 1000} s; ${this.informer.list().length} Pods, e.g.\n  ${shown}`),
        );
      }, timeoutMs);
      this.#waiters.add(look);
      look();
    });
  }
}
