import { PODS, type Pod } from '@kuperator/api';
import { holdOf, textOf } from '@kuperator/holders';
import { type createKubeClient, createLogger, Informer } from '@kuperator/runtime';
import type { Arena } from './pod-manifest.ts';

/** The state at the end of a phase: the number of Pods, and the condition that each Pod meets. */
export type Goal = { readonly pods: number; readonly each?: (pod: Pod) => boolean };

/** Checking a thousand Pods costs more than an event, so many events share one check. */
const LOOK_MS = 10;

/** An independent watch of a namespace's Pods. It decides when a phase ends; the contender does not. */
export class PodWatch {
  readonly informer: Informer<Pod>;
  readonly #lookers = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(client: ReturnType<typeof createKubeClient>, { namespace }: Arena) {
    const logger = createLogger({ app: 'bench', level: 'error' });
    this.informer = new Informer({ client, resource: PODS, namespace, logger });
    this.informer.onChange(() => {
      if (this.#lookers.size > 0) this.#timer ??= setTimeout(() => this.#look(), LOOK_MS);
    });
  }

  async start(): Promise<void> {
    this.informer.start();
    await this.informer.waitForSync();
  }

  stop(): Promise<void> {
    clearTimeout(this.#timer);
    return this.informer.stop();
  }

  /**
   * Resolves once the Pods meet `goal`.
   * @throws Error after `timeoutMs`, with the name of the wait, the progress, and what a few of the unfinished Pods lack
   */
  until(what: string, goal: Goal, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const pods = this.informer.list();
        if (pods.length !== goal.pods || !pods.every((pod) => goal.each?.(pod) ?? true)) return;
        clearTimeout(timer);
        this.#lookers.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#lookers.delete(look);
        reject(new Error(`${what}: not within ${timeoutMs / 1000} s: ${progressOf(this.informer.list(), goal)}`));
      }, timeoutMs);
      this.#lookers.add(look);
      look();
    });
  }

  #look(): void {
    this.#timer = undefined;
    for (const look of this.#lookers) look();
  }
}

const SHOWN = 5;

/** Describes the progress of the Pods to the goal. */
export function progressOf(pods: readonly Pod[], { pods: wanted, each = () => true }: Goal): string {
  const behind = pods.filter((pod) => !each(pod));
  const shown = behind.slice(0, SHOWN).map((pod) => `\n  ${stateOf(pod)}`);
  const more = behind.length > SHOWN ? `\n  and ${behind.length - SHOWN} more` : '';
  return `${pods.length} of ${wanted} Pods, ${behind.length} of them not as they should be${shown.join('')}${more}`;
}

function stateOf(pod: Pod): string {
  const { name, deletionTimestamp } = pod.metadata;
  const conditions = pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`).join(' ');
  const images = pod.status?.containerStatuses?.map(({ image }) => image).join(' ');
  const hold = holdOf(pod, { nowMs: Date.now() });
  const state = deletionTimestamp ? 'terminating' : (pod.status?.phase ?? 'without a status');
  return [name, state, conditions, images, hold && textOf(hold.holder)].filter(Boolean).join(', ');
}
