/** Limits the memory that requests take together. If too little is left, a request waits for its turn. */
export class ByteBudget {
  readonly #limit: number;
  #taken = 0;
  readonly #waiting: { readonly bytes: number; readonly admit: () => void }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes `bytes`, at most the limit, as soon as they are free.
   * @returns a function that gives the bytes back; undefined if `signal` aborts first
   */
  async take(bytes: number, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#waiting.length === 0 && this.#taken + bytes <= this.#limit) this.#taken += bytes;
    else if (!(await this.#turn(bytes, signal))) return undefined;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#taken -= bytes;
      this.#admit();
    };
  }

  async #turn(bytes: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const turn = { bytes, admit: () => resolve(true) };
    const giveUp = () => {
      const index = this.#waiting.indexOf(turn);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      resolve(false);
      // This request may have been too large for what is free, and the next ones may fit.
      this.#admit();
    };
    this.#waiting.push(turn);
    signal.addEventListener('abort', giveUp, { once: true });
    const isAdmitted = await promise;
    signal.removeEventListener('abort', giveUp);
    return isAdmitted;
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.bytes <= this.#limit; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#taken += next.bytes;
      next.admit();
    }
  }
}
