/**
 * A queue with a limit on everything that is not yet confirmed. An item is waiting, then in flight (`take`), then
 * gone (`confirm`), or waiting again at the front (`putBack`). Namespaces take turns; within a namespace, what happened first is sent first.
 * Over the limit the oldest waiting item of the namespace with the most of them is dropped, so a namespace with thousands of facts neither
 * delays nor displaces those of the others.
 */
export class PublishQueue<T> {
  readonly #limit: number;
  /** By namespace, in the order of turns; none is empty. */
  readonly #lanes = new Map<string, Lane<T>>();
  #waiting = 0;
  #next = 0;
  readonly #inFlight = new Map<number, Numbered<T>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Items waiting or in flight. */
  get length(): number {
    return this.#waiting + this.#inFlight.size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Number the next item will get. */
  get next(): number {
    return this.#next;
  }

  /** Adds an item; returns the item that was dropped for it, if any: if nothing waits, the item itself. */
  push(namespace: string, item: T): T | undefined {
    if (this.length >= this.#limit && this.#waiting === 0) return item;
    const lane = this.#lanes.get(namespace) ?? new Lane<T>();
    this.#lanes.set(namespace, lane);
    lane.push({ number: this.#next++, namespace, item });
    this.#waiting++;
    if (this.length <= this.#limit) return undefined;
    let largest = lane;
    for (const other of this.#lanes.values()) if (other.length > largest.length) largest = other;
    return this.#shift(largest)?.item;
  }

  /** Moves the oldest waiting item of the next namespace in flight. */
  take(): Numbered<T> | undefined {
    const [lane] = this.#lanes.values();
    const taken = lane && this.#shift(lane);
    if (!taken) return undefined;
    this.#inFlight.set(taken.number, taken);
    // The namespace moves to the end.
    if (this.#lanes.delete(taken.namespace) && lane.length > 0) this.#lanes.set(taken.namespace, lane);
    return taken;
  }

  /** The item in flight under `number`. */
  get(number: number): T | undefined {
    return this.#inFlight.get(number)?.item;
  }

  inFlightItems(): readonly Numbered<T>[] {
    return [...this.#inFlight.values()];
  }

  /** Forgets an item in flight and returns it; undefined when it was not (any more) in flight. */
  confirm(number: number): T | undefined {
    const taken = this.#inFlight.get(number);
    this.#inFlight.delete(number);
    return taken?.item;
  }

  /** Returns items in flight to the front of their namespaces, in their first order. */
  putBack(numbers: readonly number[]): void {
    const back = numbers.flatMap((number) => {
      const taken = this.#inFlight.get(number);
      return taken && this.#inFlight.delete(number) ? [taken] : [];
    });
    for (const [namespace, items] of Map.groupBy(back, (taken) => taken.namespace)) {
      const lane = this.#lanes.get(namespace) ?? new Lane<T>();
      this.#lanes.set(namespace, lane);
      lane.putBack(items);
    }
    this.#waiting += back.length;
  }

  /** True when no item with a number below `number` is left. */
  isPast(number: number): boolean {
    for (const lane of this.#lanes.values()) if ((lane.first?.number ?? number) < number) return false;
    for (const flying of this.#inFlight.keys()) if (flying < number) return false;
    return true;
  }

  /** Empties the queue and returns what was in it, the oldest first. */
  clear(): readonly T[] {
    const items = [...this.#inFlight.values(), ...[...this.#lanes.values()].flatMap((lane) => lane.items())];
    this.#inFlight.clear();
    this.#lanes.clear();
    this.#waiting = 0;
    return items.sort((a, b) => a.number - b.number).map(({ item }) => item);
  }

  #shift(lane: Lane<T>): Numbered<T> | undefined {
    const first = lane.shift();
    if (!first) return undefined;
    this.#waiting--;
    if (lane.length === 0) this.#lanes.delete(first.namespace);
    return first;
  }
}

type Numbered<T> = { readonly number: number; readonly namespace: string; readonly item: T };

/** The waiting items of one namespace, the oldest first. */
class Lane<T> {
  #items: Numbered<T>[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Numbered<T> | undefined {
    return this.#items[this.#head];
  }

  push(item: Numbered<T>): void {
    this.#items.push(item);
  }

  putBack(back: readonly Numbered<T>[]): void {
    this.#items = [...back, ...this.items()].sort((a, b) => a.number - b.number);
    this.#head = 0;
  }

  items(): readonly Numbered<T>[] {
    return this.#items.slice(this.#head);
  }

  shift(): Numbered<T> | undefined {
    const { first } = this;
    if (first === undefined) return undefined;
    this.#head += 1;
    // Shifting an array of thousands for each item would cost more than the item: cut off the used part in pieces.
    if (this.#head === this.#items.length || this.#head >= 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}
