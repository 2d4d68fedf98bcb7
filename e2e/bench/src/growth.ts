/** How much a cost grows from one size to the next, compared with the growth of the size. */
export type Growth = { readonly from: number; readonly to: number; readonly size: number; readonly cost: number };

export function growthBetween<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  costOf: (item: T) => number,
): readonly Growth[] {
  return items.slice(1).map((item, at) => {
    const before = items[at] ?? item;
    const [from, to] = [sizeOf(before), sizeOf(item)];
    return { from, to, size: to / from, cost: costOf(item) / costOf(before) };
  });
}

type GrowthText = {
  /** What the size counts, e.g. `Pods`. */
  readonly what: string;
  /** What the cost is, e.g. `CPU a pass`. */
  readonly price: string;
  /** The largest ratio of the growths of cost and size that counts as no faster; default 1. */
  readonly slack?: number;
};

/** `1 000 → 2 000 Pods: 2.0× the Pods, 1.9× the CPU a pass: grows no faster`. */
export function growthLine({ from, to, size, cost }: Growth, { what, price, slack = 1 }: GrowthText): string {
  const factor = (value: number) => `${value.toFixed(1)}×`;
  const verdict = cost <= size * slack ? 'grows no faster' : 'GROWS FASTER';
  return `${from} → ${to} ${what}: ${factor(size)} the ${what}, ${factor(cost)} the ${price}: ${verdict}`;
}
