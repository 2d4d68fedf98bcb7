/** The part of an informer that says how current it is. */
type Sighted = {
  readonly resource: { readonly plural: string };
  isCurrent(namespace?: string): boolean;
  confirm(namespace?: string): Promise<boolean>;
};

/** The caches a decision rests on: it is made only while all of them are known to be current. */
export type Sight = {
  /** Answers from what is known already. */
  isClear(namespace: string): boolean;
  /** Names (in the plural) of the kinds whose cache may be old, after those that have been silent have been compared with the API server. */
  blindTo(namespace: string): Promise<readonly string[]>;
};

export function sightOf(informers: readonly Sighted[]): Sight {
  return {
    isClear: (namespace) => informers.every((informer) => informer.isCurrent(namespace)),
    async blindTo(namespace) {
      const answers = await Promise.all(informers.map((informer) => informer.confirm(namespace)));
      return informers.filter((_, index) => !answers[index]).map(({ resource }) => resource.plural);
    },
  };
}
