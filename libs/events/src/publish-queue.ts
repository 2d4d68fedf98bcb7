/**
 * A first-in first-out queue with a limit on everything that is not confirmed yet. An item waits, then is in flight (`take`), and is then
 * removed (`confirm`) or waits again at the front (`putBack`), so that earlier facts are sent first. Beyond the limit the oldest waiting item
 * is dropped.
 */
export class PublishQueue<T> {
  readonly #limit: number;
  #waiting: Numbered<T>[] = [];
  #head = 0;
  #next = 0;
  readonly #inFlight = new Map<number, T>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Items waiting or in flight. */
  get length(): number {
    return this.waiting + this.#inFlight.size;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** The number of the next item. */
  get next(): number {
    return this.#next;
  }

  /** Adds an item. Returns the item that was dropped for it, if any; if no item waits, that is the new item itself. */
  push(item: T): T | undefined {
    const dropped = this.length >= this.#limit ? this.#shift() : undefined;
    if (this.length >= this.#limit) return item;
    this.#waiting.push({ number: this.#next++, item });
    return dropped?.item;
  }

  /** Takes the oldest waiting item, which is in flight from now on. */
  take(): Numbered<T> | undefined {
    const taken = this.#shift();
    if (taken) this.#inFlight.set(taken.number, taken.item);
    return taken;
  }

  /** The item in flight under `number`. */
  get(number: number): T | undefined {
    return this.#inFlight.get(number);
  }

  inFlightItems(): readonly Numbered<T>[] {
    return [...this.#inFlight].map(([number, item]) => ({ number, item }));
  }

  /** Removes an item in flight and returns it; undefined if it is not in flight (any more). */
  confirm(number: number): T | undefined {
    const item = this.#inFlight.get(number);
    this.#inFlight.delete(number);
    return item;
  }

  /** Returns items in flight to the front of the queue, in their first order. */
  putBack(numbers: readonly number[]): void {
    const back = numbers.flatMap((number) => {
      const item = this.#inFlight.get(number);
      this.#inFlight.delete(number);
      return item === undefined ? [] : [{ number, item }];
    });
    this.#waiting = [...back, ...this.#waiting.slice(this.#head)].sort((a, b) => a.number - b.number);
    this.#head = 0;
  }

  /** True if no item with a number below `number` is left. */
  isPast(number: number): boolean {
    const first = this.#waiting[this.#head];
    if (first && first.number < number) return false;
    for (const flying of this.#inFlight.keys()) if (flying < number) return false;
    return true;
  }

  /** Empties the queue and returns what was in it. */
  clear(): readonly T[] {
    this.putBack([...this.#inFlight.keys()]);
    const items = this.#waiting.map(({ item }) => item);
    this.#waiting = [];
    return items;
  }

  #shift(): Numbered<T> | undefined {
    const first = this.#waiting[this.#head];
    if (first === undefined) return undefined;
    this.#head += 1;
    // Shifting an array of thousands for each item would cost more than the item: cut off the used part in pieces.
    if (this.#head === this.#waiting.length || this.#head >= 1024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}

type Numbered<T> = { number: number; item: T };
