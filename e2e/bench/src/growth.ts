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

/** `1 000 → 2 000 Pods: 2.0× the Pods, 1.9× the CPU a pass: grows no faster`. @param slack the largest ratio of the two that counts as no faster */
export function growthLine({ from, to, size, cost }: Growth, what: string, price: string, slack = 1): string {
  const factor = (value: number) => `${value.toFixed(1)}×`;
  const verdict = cost <= size * slack ? 'grows no faster' : 'GROWS FASTER';
  return `${from} → ${to} ${what}: ${factor(size)} the ${what}, ${factor(cost)} the ${price}: ${verdict}`;
}
