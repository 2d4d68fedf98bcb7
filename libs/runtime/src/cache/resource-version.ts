/**
 * Compares two resourceVersions as numbers: negative if `a` is older. They are decimal revisions of one store, so they compare across
 * the objects of a kind. A missing version is older than all others.
 * @see Kubernetes API concepts, "Resource versions"
 */
export function compareResourceVersions(a: string | undefined, b: string | undefined): number {
  const left = a ?? '';
  const right = b ?? '';
  // Decimal strings without leading zeros: the longer is the greater. Avoids a BigInt per comparison.
  if (left.length !== right.length) return left.length - right.length;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
