/** `sharers` are the rule object of the job and the host that it calls. Each of them shares the places of the namespace. */
type Job = { readonly namespace: string; readonly sharers: readonly string[]; readonly run: () => Promise<void> };

/**
 * Runs at most `places` jobs at a time; further jobs wait in order of arrival. A namespace may run as many jobs as there are free places, so
 * alone it fills half of them. A namespace whose jobs never end therefore leaves half of the places to the others. The places of a namespace
 * are shared in the same way among its sharers. All places are in use only if more namespaces hang than the number of places can be halved.
 */
export class FairQueue {
  readonly #places: number;
  readonly #waiting: Job[] = [];
  /** Jobs under way, by namespace, and by namespace and sharer. */
  readonly #runningOf = new Map<string, number>();
  #running = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** `run` must not reject. */
  add(job: Job): void {
    this.#waiting.push(job);
    this.#next();
  }

  #next(): void {
    for (;;) {
      const at = this.#waiting.findIndex((job) => this.#mayRun(job));
      const [job] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (!job) return;
      this.#count(job, 1);
      const end = () => {
        this.#count(job, -1);
        this.#next();
      };
      job.run().then(end, end);
    }
  }

  #mayRun(job: Job): boolean {
    const [namespace = '', ...sharers] = namesOf(job);
    const left = this.#places - this.#running;
    // How many more jobs the namespace may start, one after the other, until it runs as many as there are places left.
    const leftHere = Math.floor((left - this.#runningIn(namespace) + 1) / 2);
    return leftHere > 0 && sharers.every((sharer) => this.#runningIn(sharer) < leftHere);
  }

  #runningIn(name: string): number {
    return this.#runningOf.get(name) ?? 0;
  }

  #count(job: Job, change: 1 | -1): void {
    this.#running += change;
    for (const name of namesOf(job)) {
      const running = this.#runningIn(name) + change;
      if (running > 0) this.#runningOf.set(name, running);
      else this.#runningOf.delete(name);
    }
  }
}

function namesOf({ namespace, sharers }: Job): readonly string[] {
  return [namespace, ...sharers.map((sharer) => `${namespace} ${sharer}`)];
}
