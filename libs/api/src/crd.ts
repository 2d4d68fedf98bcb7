import type { KubeObject } from './core.ts';
import type { KindDeclaration, PrinterColumn } from './kind.ts';
import { KINDS } from './kinds.ts';
import { API_GROUP, API_VERSION } from './names.ts';
import { type Structural, structuralSchemaOf } from './structural.ts';

/** The parts of an apiextensions.k8s.io/v1 CustomResourceDefinition that ours use. */
type CustomResourceDefinition = KubeObject & {
  spec: {
    group: string;
    names: { kind: string; listKind: string; plural: string; singular: string; shortNames: readonly string[] };
    scope: 'Namespaced';
    versions: readonly {
      name: string;
      served: boolean;
      storage: boolean;
      schema: { openAPIV3Schema: Structural };
      subresources?: { status: object; scale?: KindDeclaration['scale'] };
      additionalPrinterColumns?: readonly PrinterColumn[];
    }[];
  };
};

/** Returns the definitions of all Kuperator kinds, as plain JSON, ready to be applied. */
export function crds(): CustomResourceDefinition[] {
  return KINDS.map(definitionOf);
}

function definitionOf(declaration: KindDeclaration): CustomResourceDefinition {
  const { kind, plural, shortNames, columns, scale, status } = declaration;
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${API_GROUP}`,
      // Deleting a definition deletes every object of its kind, so an uninstall must keep it.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: API_GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames },
      scope: 'Namespaced',
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          ...(status ? { subresources: { status: {}, ...(scale ? { scale } : {}) } } : {}),
          ...(columns.length > 0 ? { additionalPrinterColumns: columns } : {}),
          schema: { openAPIV3Schema: structuralSchemaOf(declaration) },
        },
      ],
    },
  };
  return JSON.parse(JSON.stringify(definition, onOneLine)) as CustomResourceDefinition;
}

/** Joins CEL expressions, which the sources spread over several lines. */
function onOneLine(key: string, value: unknown): unknown {
  return (key === 'rule' || key === 'messageExpression') && typeof value === 'string'
    ? value.replace(/\s+/g, ' ').trim()
    : value;
}
