type Job = { readonly sharers: readonly string[]; readonly run: () => Promise<void> };

/**
 * Runs at most `places` jobs at a time, the others in the order they came. Each sharer (whom a job is for, where it goes) may
 * have as many under way as there are places left: alone it fills half of them, and one that never ends its jobs leaves the
 * others as many again. Only sharers that all hang, more of them than the places can be halved, take the last one.
 */
export class Lane {
  readonly #places: number;
  readonly #waiting: Job[] = [];
  readonly #runningOf = new Map<string, number>();
  #running = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** `run` must not reject. */
  add(sharers: readonly string[], run: () => Promise<void>): void {
    this.#waiting.push({ sharers, run });
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

  #mayRun({ sharers }: Job): boolean {
    const left = this.#places - this.#running;
    return left > 0 && sharers.every((sharer) => (this.#runningOf.get(sharer) ?? 0) < left);
  }

  #count({ sharers }: Job, change: 1 | -1): void {
    this.#running += change;
    for (const sharer of sharers) {
      const running = (this.#runningOf.get(sharer) ?? 0) + change;
      if (running > 0) this.#runningOf.set(sharer, running);
      else this.#runningOf.delete(sharer);
    }
  }
}
