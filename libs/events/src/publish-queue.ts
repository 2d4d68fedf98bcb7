/**
 * First-in first-out queue with a limit on everything not yet confirmed. An item is waiting, then in flight (`take`), then
 * gone (`confirm`), or waiting again at the front (`putBack`): what happened first is sent first. Over the limit the oldest
 * waiting item gives way.
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

  /** Number the next item will get. */
  get next(): number {
    return this.#next;
  }

  /** Adds an item; returns the item dropped for it, if any: with nothing waiting that is the item itself. */
  push(item: T): T | undefined {
    const dropped = this.length >= this.#limit ? this.#shift() : undefined;
    if (this.length >= this.#limit) return item;
    this.#waiting.push({ number: this.#next++, item });
    return dropped?.item;
  }

  /** Moves the oldest waiting item in flight. */
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

  /** Forgets an item in flight and returns it; undefined when it was not (any more) in flight. */
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

  /** True when no item with a number below `number` is left. */
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
