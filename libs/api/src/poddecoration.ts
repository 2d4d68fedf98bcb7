import type { Type } from 'typebox';
import type { Container, KubeObject, Volume } from './core.ts';
import { AGE, type KindDeclaration, type PrinterColumn } from './kind.ts';
import { boolean, fields, int32, int64, listOf, openObject, optional, quantity, string, stringMap } from './schema.ts';
import { labelSelector } from './selector-schema.ts';

const keyRef = () =>
  optional(
    fields(
      { key: string(), name: optional(string()), optional: optional(boolean()) },
      { 'x-kubernetes-map-type': 'atomic' },
    ),
  );

const env = fields({
  name: string(),
  value: optional(string()),
  valueFrom: optional(
    fields({
      configMapKeyRef: keyRef(),
      secretKeyRef: keyRef(),
      fieldRef: optional(
        fields({ apiVersion: optional(string()), fieldPath: string() }, { 'x-kubernetes-map-type': 'atomic' }),
      ),
      resourceFieldRef: optional(
        fields(
          { containerName: optional(string()), divisor: optional(quantity()), resource: string() },
          { 'x-kubernetes-map-type': 'atomic' },
        ),
      ),
    }),
  ),
});

const primaryContainer = fields({
  name: optional(string()),
  targetPolicy: optional(string()),
  image: optional(string()),
  env: optional(listOf(env)),
  volumeMounts: optional(
    listOf(
      fields({
        mountPath: string(),
        mountPropagation: optional(string()),
        name: string(),
        readOnly: optional(boolean()),
        subPath: optional(string()),
        subPathExpr: optional(string()),
      }),
    ),
  ),
});

const template = fields({
  metadata: optional(
    listOf(fields({ annotations: optional(stringMap()), labels: optional(stringMap()), patchPolicy: string() })),
  ),
  containers: optional(
    listOf(openObject<Container & { injectPolicy?: string }>({ name: string(), injectPolicy: optional(string()) })),
  ),
  initContainers: optional(listOf(openObject<Container>({ name: string() }))),
  primaryContainers: optional(listOf(primaryContainer)),
  volumes: optional(listOf(openObject<Volume>({ name: string() }))),
  affinity: optional(openObject<Record<string, unknown>>()),
  tolerations: optional(
    listOf(
      fields({
        effect: optional(string()),
        key: optional(string()),
        operator: optional(string()),
        tolerationSeconds: optional(int64()),
        value: optional(string()),
      }),
    ),
  ),
  runtimeClassName: optional(string()),
});

const spec = fields({
  selector: optional(labelSelector()),
  template: optional(template),
  weight: optional(int32()),
  updateStrategy: optional(
    fields({
      rollingUpdate: optional(fields({ partition: optional(int32()), selector: optional(labelSelector()) })),
    }),
  ),
  historyLimit: optional(int32()),
  disablePodDetail: optional(boolean()),
});

const count = () => optional(int32());
const status = fields({
  observedGeneration: optional(int64()),
  matchedPods: count(),
  injectedPods: count(),
  updatedPods: count(),
  updatedReadyPods: count(),
  updatedAvailablePods: count(),
  currentRevision: optional(string()),
  updatedRevision: optional(string()),
  collisionCount: count(),
  details: optional(
    listOf(
      fields({
        collaSet: optional(string()),
        affectedReplicas: count(),
        pods: optional(
          listOf(fields({ name: optional(string()), revision: optional(string()), escaped: optional(boolean()) })),
        ),
      }),
    ),
  ),
});

type PodDecorationSpec = Type.Static<typeof spec>;
type PodDecorationStatus = Type.Static<typeof status>;
export type PodDecoration = KubeObject & { spec: PodDecorationSpec; status?: PodDecorationStatus };

const counted = (name: string, jsonPath: string): PrinterColumn => ({ name, type: 'integer', jsonPath });

export const podDecorationKind: KindDeclaration = {
  kind: 'PodDecoration',
  plural: 'poddecorations',
  shortNames: ['pd'],
  description: 'Adds containers, volumes and metadata to the Pods of CollaSets.',
  spec,
  specRequired: false,
  status,
  columns: [
    counted('MATCHED', '.status.matchedPods'),
    counted('INJECTED', '.status.injectedPods'),
    counted('UPDATED', '.status.updatedPods'),
    counted('UPDATED_READY', '.status.updatedReadyPods'),
    { name: 'CURRENT_REVISION', type: 'string', jsonPath: '.status.currentRevision' },
    { name: 'UPDATED_REVISION', type: 'string', jsonPath: '.status.updatedRevision' },
    AGE,
  ],
};
