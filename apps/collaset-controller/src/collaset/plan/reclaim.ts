import { type CollaSet, controllerOf, type Pod } from '@kuperator/api';

/** The lists of `spec.scaleStrategy` by which Pods are asked for by name. */
export const POD_LISTS = ['podToDelete', 'podToExclude', 'podToInclude'] as const;
export type PodList = (typeof POD_LISTS)[number];

/** A name in one of the lists. */
export type Listed = { readonly list: PodList; readonly name: string };

export type ReclaimInput = {
  readonly set: CollaSet;
  /** The Pod of that name in the set's namespace, whoever owns it. */
  readonly podNamed: (name: string) => Pod | undefined;
  /** Names in podToDelete whose Pod was made anew under the same name. */
  readonly renewed: ReadonlySet<string>;
};

/** Names that have had done what they ask for; each once. */
export function servedNames(input: ReclaimInput): readonly Listed[] {
  const { scaleStrategy = {} } = input.set.spec;
  return POD_LISTS.flatMap((list) =>
    [...new Set(scaleStrategy[list])].map((name) => ({ list, name })).filter((listed) => isServed(input, listed)),
  );
}

function isServed({ set, podNamed, renewed }: ReclaimInput, { list, name }: Listed): boolean {
  const pod = podNamed(name);
  if (list === 'podToDelete') return pod === undefined || renewed.has(name);
  const { podToExclude = [], podToInclude = [] } = set.spec.scaleStrategy ?? {};
  // In both it is left alone; out of one it would be moved.
  if (podToExclude.includes(name) && podToInclude.includes(name)) return false;
  const isOurs = pod !== undefined && controllerOf(pod)?.uid === set.metadata.uid;
  return list === 'podToExclude' ? !isOurs : isOurs;
}

/** The lists that change, as they are without these names; null for one that is empty then. */
export function listsWithout(set: CollaSet, served: readonly Listed[]): { [list in PodList]?: string[] | null } {
  const lists: { [list in PodList]?: string[] | null } = {};
  for (const list of POD_LISTS) {
    const gone = new Set(served.filter((listed) => listed.list === list).map(({ name }) => name));
    if (gone.size === 0) continue;
    const left = set.spec.scaleStrategy?.[list]?.filter((name) => !gone.has(name)) ?? [];
    lists[list] = left.length > 0 ? left : null;
  }
  return lists;
}
