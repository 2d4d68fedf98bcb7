import { parseAllDocuments } from 'yaml';

export type Manifest = {
  kind: string;
  metadata: { name: string };
  rules?: { apiGroups?: string[]; resources?: string[]; resourceNames?: string[]; verbs?: string[] }[];
};

/** The objects in the output of `helm template`. Throws if the YAML does not parse. */
export function manifestsIn(output: string): Manifest[] {
  return parseAllDocuments(output).flatMap((document) => {
    if ('errors' in document && document.errors.length > 0) throw document.errors[0];
    const object = 'toJS' in document ? (document.toJS() as Manifest | null) : null;
    return object ? [object] : [];
  });
}

/** Rights that no operator may have: wildcards, and Secrets other than by name in its own namespace. */
export function excessiveRights(manifests: readonly Manifest[]): string[] {
  return manifests.flatMap(({ kind, metadata, rules = [] }) =>
    rules
      .filter(({ apiGroups = [], resources = [], resourceNames = [], verbs = [] }) => {
        const words = [...apiGroups, ...resources, ...verbs];
        const isNamed = kind === 'Role' && resourceNames.length > 0;
        return words.includes('*') || (resources.includes('secrets') && !isNamed);
      })
      .map((rule) => `${kind} ${metadata.name}: ${JSON.stringify(rule)}`),
  );
}
