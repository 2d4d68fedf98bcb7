/** Runs at most `places` jobs at a time, the others in the order they came. */
export class Lane {
  readonly #places: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** `job` must not reject. */
  add(job: () => Promise<void>): void {
    this.#waiting.push(job);
    this.#next();
  }

  #next(): void {
    while (this.#running < this.#places) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#running++;
      void job().finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}
