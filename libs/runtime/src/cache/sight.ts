/** The part of an informer that knows how current its cache is. */
type Sighted = {
  readonly resource: { readonly plural: string };
  isCurrent(namespace?: string): boolean;
  confirm(namespace?: string): Promise<boolean>;
};

/** The caches that a decision depends on. The decision is made only while all of them are proven to be current. */
export type Sight = {
  /** True if all caches are known to be current, without a request. */
  isClear(namespace: string): boolean;
  /** Returns the plural names of the kinds whose cache may be stale. Compares caches whose watch is silent with the API server. */
  blindTo(namespace: string): Promise<readonly string[]>;
};

/** Combines caches that one decision depends on. */
export function sightOf(informers: readonly Sighted[]): Sight {
  return {
    isClear: (namespace) => informers.every((informer) => informer.isCurrent(namespace)),
    async blindTo(namespace) {
      const answers = await Promise.all(informers.map((informer) => informer.confirm(namespace)));
      return informers.filter((_, index) => !answers[index]).map(({ resource }) => resource.plural);
    },
  };
}
