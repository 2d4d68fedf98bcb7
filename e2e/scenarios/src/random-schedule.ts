// Runs one random schedule on a real cluster: several operation controllers, a slow traffic controller, rules, and a kubelet whose
// readiness flaps. All of them are plain writes of labels, annotations, finalizers and status.

import { own, POD_TRANSITION_RULES, PODS, type Pod, SERVICES } from '@kuperator/api';
import { Observer } from '@kuperator/observer';
import type { KubeClient } from '@kuperator/runtime';
import { DEADLINE_MS } from './application.ts';
import { brokenPromises, grantsIn } from './lifecycle-promises.ts';
import { NAME, service } from './manifests.ts';
import { Random } from './random.ts';
import { SlowBalancer } from './slow-balancer.ts';

const DOMAIN = 'podopslifecycle.kusionstack.io';
const CONTROL = { app: NAME, 'kusionstack.io/control': 'true' };
const POD_NAMES = ['web-0', 'web-1', 'web-2'];
const IDS = ['a', 'b'];
const TYPES = ['update', 'Restart'];
const OPERATIONS = 6;
const MAX_UNAVAILABLE = 1;

/** Disturbances besides operations. Without the first two, the budget is exact. */
type Weather = { flaps: boolean; offline: boolean; balancer: boolean; consent: boolean };

type Outcome = {
  /** Descriptions of the promises that were broken. */
  readonly broken: readonly string[];
  /** Number of grants. */
  readonly grants: number;
};

/**
 * Runs the schedule of `seed` in its own namespace, which must exist.
 * @throws Error if the Pods do not come back into service at the end
 */
export async function playSchedule(client: KubeClient, namespace: string, seed: number): Promise<Outcome> {
  const random = new Random(seed);
  const weather: Weather = {
    flaps: random.chance(0.3),
    offline: random.chance(0.2),
    balancer: random.chance(0.5),
    consent: random.chance(0.5),
  };
  const observer = new Observer({ client, namespace, service: NAME });
  const versions: Pod[] = [];
  observer.pods.onChange(({ object }) => versions.push(object));
  const schedule = new Schedule({ client, namespace, observer, random });
  const balancer = new SlowBalancer(client, observer, new Random(seed + 1));
  await observer.start();
  try {
    await client.create(SERVICES, service(namespace));
    if (weather.balancer) balancer.start();
    await schedule.createPods(weather.balancer ? balancer.expectation(namespace) : {});
    await schedule.serves();
    await schedule.createRule('budget', { availablePolicy: { maxUnavailableValue: MAX_UNAVAILABLE } });
    if (weather.consent) {
      const requires = { matchLabels: { consent: 'given' } };
      await schedule.createRule('consent', { stage: random.pick(['PreCheck', 'PostCheck']), labelCheck: { requires } });
    }
    versions.splice(0, versions.length, ...observer.pods.list());
    const operations = Array.from({ length: OPERATIONS }, () => schedule.operate());
    await Promise.all([...operations, schedule.disturb(weather)]);
    await schedule.calm(IDS, TYPES);
    await schedule.serves();
    const exact = !weather.flaps && !weather.offline;
    const budget = exact ? { pods: POD_NAMES.length, maxUnavailable: MAX_UNAVAILABLE } : undefined;
    return { broken: brokenPromises(versions, budget), grants: grantsIn(versions) };
  } finally {
    await balancer.stop();
    await observer.stop();
  }
}

type ScheduleDeps = {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly observer: Observer;
  readonly random: Random;
};

class Schedule {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #observer: Observer;
  readonly #random: Random;

  constructor({ client, namespace, observer, random }: ScheduleDeps) {
    this.#client = client;
    this.#namespace = namespace;
    this.#observer = observer;
    this.#random = random;
  }

  async createPods(annotations: Record<string, string>): Promise<void> {
    const namespace = this.#namespace;
    const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: NAME, image: 'web:v1' }] };
    await Promise.all(
      POD_NAMES.map((name) =>
        this.#client.create(PODS, { metadata: { name, namespace, labels: CONTROL, annotations }, spec }),
      ),
    );
  }

  async createRule(name: string, rule: object): Promise<void> {
    await this.#client.create(POD_TRANSITION_RULES, {
      metadata: { name, namespace: this.#namespace },
      spec: { selector: { matchLabels: { app: NAME } }, rules: [{ name, ...rule }] },
    });
  }

  /** Begins an operation on a random Pod after a random delay, and ends it in a random way. */
  async operate(): Promise<void> {
    const random = this.#random;
    const [pod, id, type] = [random.pick(POD_NAMES), random.pick(IDS), random.pick(TYPES)];
    const fate = random.pick([
      'finish',
      'finish',
      'finish',
      'finish with type',
      'undo',
      'undo soon',
      'finish early',
      'retype',
    ]);
    const halves = random.chance(0.2);
    const pauseMs = random.below(1500);
    const workMs = random.below(400);
    await pause(pauseMs);
    if (halves) await this.#label(pod, { [at('operation-type', id)]: type });
    await this.#label(pod, { [at('operating', id)]: '1', [at('operation-type', id)]: type });
    if (fate === 'undo soon' || fate === 'finish early') await pause(workMs);
    else await this.#permitted(pod, id);
    if (fate === 'retype') {
      await this.#label(pod, { [at('operation-type', id)]: type === 'update' ? 'Restart' : 'update' });
      await this.#permitted(pod, id);
    }
    await pause(workMs);
    if (fate.startsWith('undo')) await this.#label(pod, { [at('undo-operation-type', id)]: type });
    else if (fate === 'finish with type') {
      await this.#label(pod, { [at('operating', id)]: null, [at('operation-type', id)]: null });
    } else await this.#label(pod, { [at('operating', id)]: null });
  }

  async disturb({ flaps, offline, consent }: Weather): Promise<void> {
    const random = this.#random;
    for (let round = 0; round < 4; round++) {
      await pause(random.below(500));
      const pod = random.pick(POD_NAMES);
      if (consent) await this.#label(pod, { consent: random.chance(0.7) ? 'given' : null });
      if (offline && random.chance(0.5)) await this.#label(pod, { [`${DOMAIN}/stay-offline`]: '' });
      if (flaps) await this.#setReady(pod, random.chance(0.5));
    }
  }

  /** Ends all disturbances and operations, so that the Pods can come back into service. */
  async calm(ids: readonly string[], types: readonly string[]): Promise<void> {
    for (const pod of POD_NAMES) {
      await this.#setReady(pod, true);
      await this.#label(pod, { consent: 'given', [`${DOMAIN}/stay-offline`]: null });
      for (const id of ids) await this.#label(pod, { [at('undo-operation-type', id)]: types[0] ?? '' });
    }
    for (const pod of POD_NAMES) {
      for (const id of ids) await this.#label(pod, { [at('operation-type', id)]: null });
    }
  }

  /** Waits until all Pods are in traffic and available, and have no labels of an operation. */
  serves(): Promise<void> {
    const isInService = (pod: Pod) => {
      const lifecycle = Object.keys(pod.metadata.labels ?? {}).filter((key) => key.includes(`${DOMAIN}/`));
      const isInTraffic = this.#observer.ready().has(pod.metadata.uid ?? '');
      return isInTraffic && lifecycle.join() === `${DOMAIN}/service-available`;
    };
    const all = () =>
      this.#observer.pods.list().length === POD_NAMES.length && this.#observer.pods.list().every(isInService);
    return this.#observer.until(`the Pods of ${this.#namespace} serve`, all, DEADLINE_MS);
  }

  /** Waits until the operation is granted, or until a time limit has passed. */
  async #permitted(pod: string, id: string): Promise<void> {
    const until = performance.now() + 3000;
    const isPermitted = () =>
      own(this.#observer.pods.get(`${this.#namespace}/${pod}`)?.metadata.labels, at('operate', id)) !== undefined;
    while (!isPermitted() && performance.now() < until) await pause(20);
  }

  async #label(name: string, labels: Record<string, string | null>): Promise<void> {
    await this.#client.patch(
      PODS,
      { namespace: this.#namespace, name },
      { type: 'merge', body: { metadata: { labels } } },
    );
  }

  async #setReady(name: string, ready: boolean): Promise<void> {
    const pod = this.#observer.pods.get(`${this.#namespace}/${name}`);
    const containerStatuses = (pod?.status?.containerStatuses ?? []).map((status) => ({ ...status, ready }));
    const ref = { namespace: this.#namespace, name };
    await this.#client.patch(PODS, ref, {
      type: 'merge',
      body: { status: { containerStatuses } },
      subresource: 'status',
    });
  }
}

function at(stage: string, id: string): string {
  return `${stage}.${DOMAIN}/${id}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
