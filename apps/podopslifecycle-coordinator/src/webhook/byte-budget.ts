/** Shares out bytes of memory. Where too few are left, requests wait for their turn. */
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
   * Takes `bytes`, which are no more than the limit, once they are free.
   * @returns gives them back; undefined when `signal` aborts first
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
      // It may have been too large for what is free; those behind it may not be.
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
