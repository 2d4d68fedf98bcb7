import type { Type } from 'typebox';
import type { Container, KubeObject, Volume } from './core.ts';
import { AGE, type KindDeclaration, type PrinterColumn } from './kind.ts';
import { boolean, fields, int32, int64, listOf, openObject, optional, quantity, string, stringMap } from './schema.ts';
import { labelSelector } from './selector-schema.ts';

/** Far more than one Pod can have: etcd stores no object with so many. */
const LIST = { maxItems: 1024 };
/** Names, paths and similar texts. Linux has no longer paths. */
const text = () => string({ maxLength: 4096 });

const keyRef = () =>
  optional(
    fields(
      { key: text(), name: optional(text()), optional: optional(boolean()) },
      { 'x-kubernetes-map-type': 'atomic' },
    ),
  );

const env = fields({
  name: text(),
  value: optional(string({ maxLength: 262_144 })),
  valueFrom: optional(
    fields({
      configMapKeyRef: keyRef(),
      secretKeyRef: keyRef(),
      fieldRef: optional(
        fields({ apiVersion: optional(text()), fieldPath: text() }, { 'x-kubernetes-map-type': 'atomic' }),
      ),
      resourceFieldRef: optional(
        fields(
          { containerName: optional(text()), divisor: optional(quantity()), resource: text() },
          { 'x-kubernetes-map-type': 'atomic' },
        ),
      ),
    }),
  ),
});

const primaryContainer = fields({
  name: optional(text()),
  targetPolicy: optional(text()),
  image: optional(text()),
  env: optional(listOf(env, LIST)),
  volumeMounts: optional(
    listOf(
      fields({
        mountPath: text(),
        mountPropagation: optional(text()),
        name: text(),
        readOnly: optional(boolean()),
        subPath: optional(text()),
        subPathExpr: optional(text()),
      }),
      LIST,
    ),
  ),
});

const template = fields({
  metadata: optional(
    listOf(fields({ annotations: optional(stringMap()), labels: optional(stringMap()), patchPolicy: text() }), LIST),
  ),
  containers: optional(
    listOf(openObject<Container & { injectPolicy?: string }>({ name: text(), injectPolicy: optional(text()) }), LIST),
  ),
  initContainers: optional(listOf(openObject<Container>({ name: text() }), LIST)),
  primaryContainers: optional(listOf(primaryContainer, LIST)),
  volumes: optional(listOf(openObject<Volume>({ name: text() }), LIST)),
  affinity: optional(openObject<Record<string, unknown>>()),
  tolerations: optional(
    listOf(
      fields({
        effect: optional(text()),
        key: optional(text()),
        operator: optional(text()),
        tolerationSeconds: optional(int64()),
        value: optional(text()),
      }),
      LIST,
    ),
  ),
  runtimeClassName: optional(text()),
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
