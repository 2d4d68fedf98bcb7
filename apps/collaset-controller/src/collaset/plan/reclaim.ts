import { type CollaSet, controllerOf, type Pod } from '@kuperator/api';

/** The lists of Pod names in `spec.scaleStrategy`. */
export const POD_LISTS = ['podToDelete', 'podToExclude', 'podToInclude'] as const;
export type PodList = (typeof POD_LISTS)[number];

/** A name in one of the lists. */
export type Listed = { readonly list: PodList; readonly name: string };

type ReclaimInput = {
  readonly set: CollaSet;
  /** The Pod of that name in the set's namespace, whatever its owner. */
  readonly podNamed: (name: string) => Pod | undefined;
  /** Names in podToDelete whose Pod was recreated under the same name. */
  readonly renewed: ReadonlySet<string>;
};

/** The listed names whose request is done. Each is returned once. */
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
  // A Pod in both lists stays as it is. If its name left one list, the other list would move the Pod.
  if (podToExclude.includes(name) && podToInclude.includes(name)) return false;
  const isOurs = pod !== undefined && controllerOf(pod)?.uid === set.metadata.uid;
  return list === 'podToExclude' ? !isOurs : isOurs;
}

/** The lists that change, without the served names; null for a list that becomes empty. */
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
