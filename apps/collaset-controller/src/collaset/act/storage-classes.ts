import type { KubeObject, Resource } from '@kuperator/api';
import { type Clock, ForbiddenError, type KubeClient, NotFoundError } from '@kuperator/runtime';

type StorageClass = KubeObject & { allowVolumeExpansion?: boolean };

const STORAGE_CLASSES: Resource<StorageClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};

/** How long answers about StorageClasses are cached. They are not watched, because they matter only when a claim grows. */
const REMEMBERED_MS = 30_000;

export type StorageClasses = {
  /** The classes of these names that allow the expansion of volumes. */
  expandable(names: ReadonlySet<string>): Promise<ReadonlySet<string>>;
};

export function storageClasses({ client, clock }: { client: Pick<KubeClient, 'get'>; clock: Clock }): StorageClasses {
  const known = new Map<string, { allows: boolean; atMs: number }>();

  async function allows(name: string): Promise<boolean> {
    const last = known.get(name);
    if (last && clock.monotonic() - last.atMs < REMEMBERED_MS) return last.allows;
    const answer = await read(name);
    known.set(name, { allows: answer, atMs: clock.monotonic() });
    return answer;
  }

  async function read(name: string): Promise<boolean> {
    try {
      return (await client.get(STORAGE_CLASSES, { name })).allowVolumeExpansion ?? false;
    } catch (error) {
      // An installation that is limited to one namespace may not read StorageClasses. Claims are then recreated instead of expanded.
      if (error instanceof NotFoundError || error instanceof ForbiddenError) return false;
      throw error;
    }
  }

  return {
    async expandable(names) {
      const answers = await Promise.all([...names].map(async (name) => ((await allows(name)) ? [name] : [])));
      return new Set(answers.flat());
    },
  };
}
