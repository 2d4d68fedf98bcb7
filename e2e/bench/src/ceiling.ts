// The ceiling of the protocol: one loop that makes the fewest writes that the lifecycle needs, without decisions. No operator can be
// faster with this protocol, so our operators are measured against it.

import { isReady, isTerminating, keyOf, PODS, type Pod, REVISION_LABEL, stageLabel } from '@kuperator/api';
import {
  beginOperation,
  finishOperation,
  isPermitted,
  isServiceAvailable,
  podStateOf,
  settle,
} from '@kuperator/lifecycle';
import { ConflictError, type KubeClient, NotFoundError, type Patch, systemClock } from '@kuperator/runtime';
import { overConnections } from './connections.ts';
import type { Contest } from './contend.ts';
import { type Phase, type Timing, timed } from './phase.ts';
import { type Arena, controlledPod, podName } from './pod-manifest.ts';
import type { Goal, PodWatch } from './pod-watch.ts';

const CONNECTIONS = 16;
const TIMEOUT_MS = 300_000;
const ID = 'collaset';

export async function runCeiling({ client, watch, arena }: Contest, pods: number): Promise<Record<Phase, Timing>> {
  const loop = new Loop(client, watch, arena);
  const names = Array.from({ length: pods }, (_, at) => podName(at));
  const create = (name: string) => client.create(PODS, controlledPod(arena, name, 'web:v1')).then(loop.observe);
  const run = (phase: Phase, act: () => Promise<void>, goal: Goal) =>
    timed(pods, async () => {
      loop.pursue(phase);
      await act();
      await Promise.race([watch.until(`ceiling, ${phase}`, goal, TIMEOUT_MS), loop.failure]);
    });
  try {
    return {
      'scale out': await run('scale out', () => overConnections(names, CONNECTIONS, create), {
        pods,
        each: isServiceAvailable,
      }),
      'in-place update': await run('in-place update', () => loop.begin('update'), {
        pods,
        each: (pod) => isServiceAvailable(pod) && pod.spec.containers[0]?.image === 'web:v2',
      }),
      recreate: await run('recreate', () => loop.begin('update'), {
        pods,
        each: (pod) => isServiceAvailable(pod) && (pod.metadata.name?.startsWith('web-1-') ?? false),
      }),
      'scale in': await run('scale in', () => loop.begin('scale-in'), { pods: 0 }),
    };
  } finally {
    loop.stop();
  }
}

/** Makes the next write that each version of a Pod needs, one write of a Pod at a time. */
class Loop {
  readonly #client: KubeClient;
  readonly #watch: PodWatch;
  readonly #arena: Arena;
  readonly #busy = new Set<string>();
  readonly #unsubscribe: () => void;
  readonly #failed = Promise.withResolvers<never>();
  #phase: Phase = 'scale out';

  constructor(client: KubeClient, watch: PodWatch, arena: Arena) {
    this.#client = client;
    this.#watch = watch;
    this.#arena = arena;
    this.#unsubscribe = watch.informer.onChange(({ type, object }) => {
      if (type !== 'deleted') this.#goOn(object);
    });
    // Each wait races against this promise. Between two phases nothing waits, so a rejection must not count as unhandled.
    this.failure.catch(() => {});
  }

  /** Rejects with the error of the loop, if the loop fails. */
  get failure(): Promise<never> {
    return this.#failed.promise;
  }

  readonly observe = (pod: Pod): void => this.#watch.informer.observe(pod);

  pursue(phase: Phase): void {
    this.#phase = phase;
  }

  stop(): void {
    this.#unsubscribe();
  }

  async begin(type: string): Promise<void> {
    const pods = this.#watch.informer.list();
    await overConnections(pods, CONNECTIONS, async (pod) => {
      const labels = beginOperation(pod, { id: ID, type, nanos: systemClock.nanos() });
      if (labels) await this.#patch(pod, { type: 'merge', body: { metadata: { labels } } });
    });
  }

  #goOn(pod: Pod): void {
    this.#advance(pod).catch((error: unknown) => this.#failed.reject(error));
  }

  async #advance(pod: Pod): Promise<void> {
    const key = pod.metadata.uid ?? '';
    if (this.#busy.has(key) || isTerminating(pod)) return;
    this.#busy.add(key);
    let progressed = false;
    try {
      progressed = await this.#next(pod);
    } catch (error) {
      // The kubelet wrote at the same time. The watch event of its write leads to the next attempt.
      if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error;
    } finally {
      this.#busy.delete(key);
    }
    const latest = this.#watch.informer.get(keyOf(pod));
    if (latest && (progressed || latest !== pod)) this.#goOn(latest);
  }

  /** @returns whether it made a write */
  async #next(pod: Pod): Promise<boolean> {
    if (isPermitted(pod, ID, 'scale-in')) return this.#delete(pod);
    if (isPermitted(pod, ID, 'update')) {
      if (this.#phase === 'recreate') return this.#recreate(pod);
      if (pod.spec.containers[0]?.image !== 'web:v2') {
        const spec = { containers: [{ name: 'web', image: 'web:v2' }] };
        return this.#patch(pod, {
          type: 'strategic',
          body: { metadata: { labels: { [REVISION_LABEL]: 'v2' } }, spec },
        });
      }
      if (!pod.status?.containerStatuses?.every(({ image }) => image === 'web:v2')) return false;
      const labels = finishOperation(pod, { id: ID, nanos: systemClock.nanos() });
      return labels ? this.#patch(pod, { type: 'merge', body: { metadata: { labels } } }) : false;
    }
    const settled = settle(podStateOf(pod), systemClock.nanos(), { passes: () => true });
    if (settled.gate !== undefined) {
      const condition = { type: 'pod.kusionstack.io/service-ready', status: settled.gate };
      const body = { metadata: { labels: settled.labels }, status: { conditions: [condition] } };
      return this.#patch(pod, { type: 'strategic', body, subresource: 'status' });
    }
    // Before the Pod is ready there is nothing to settle, and the loop makes no write that the protocol does not need.
    if (Object.keys(settled.labels).length === 0 || (!isReady(pod) && !this.#operating(pod))) return false;
    return this.#patch(pod, { type: 'merge', body: { metadata: { labels: settled.labels } } });
  }

  #operating(pod: Pod): boolean {
    return Object.hasOwn(pod.metadata.labels ?? {}, stageLabel('operating', ID));
  }

  async #patch(pod: Pod, patch: Patch): Promise<true> {
    const { namespace, name = '' } = pod.metadata;
    this.observe(await this.#client.patch(PODS, { namespace, name }, patch));
    return true;
  }

  /** Puts the answer of the API server into the watch. Otherwise a Pod that is not seen to be terminating would be recreated once more. */
  async #delete(pod: Pod): Promise<false> {
    const { namespace, name = '', uid = '' } = pod.metadata;
    const answer = await this.#client.delete(PODS, { namespace, name }, { uid });
    if (answer && isTerminating(answer)) this.observe(answer);
    else this.#watch.informer.observeGone(keyOf(pod), uid);
    return false;
  }

  async #recreate(pod: Pod): Promise<false> {
    await this.#delete(pod);
    const at = Number(pod.metadata.name?.split('-').at(-1));
    this.observe(await this.#client.create(PODS, controlledPod(this.#arena, podName(at, 1), 'web:v3')));
    return false;
  }
}
