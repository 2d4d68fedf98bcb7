import {
  COMPLETING_LABEL,
  CONTROL_LABEL,
  type CollaSet,
  CREATING_LABEL,
  INSTANCE_ID_LABEL,
  isDnsLabel,
  type Pod,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REVISION_LABEL,
  SERVICE_READY_GATE,
  type Volume,
} from '@kuperator/api';
import { controllerReference } from '../revision/revision.ts';
import type { Revision } from '../revision/revision-data.ts';
import { isSequence } from './members.ts';
import { generateNameFor, originLabelFor } from './pod-name.ts';

/** Labels that the controller sets on every Pod. The template cannot change them. */
export const reservedLabels: ReadonlySet<string> = new Set([CONTROL_LABEL, INSTANCE_ID_LABEL, REVISION_LABEL]);

type PodBlueprint = {
  readonly id: number;
  readonly name: string;
  readonly revision: Revision;
  /** True if the id never had a Pod. */
  readonly isNew: boolean;
  /** Volumes for the claim templates. Each replaces the template's volume of the same name. */
  readonly volumes: readonly Volume[];
  readonly nanos: string;
  /** Name of the Pod that the new Pod replaces. */
  readonly originName?: string | undefined;
};

/** The Pod that should exist for an instance id. */
export function podFor(set: CollaSet, blueprint: PodBlueprint): Pod {
  const { id, name, revision, isNew, volumes, nanos, originName } = blueprint;
  const { metadata, spec } = revision.template;
  const replaced = new Set(volumes.map((volume) => volume.name));
  const kept = spec.volumes?.filter((volume) => !replaced.has(volume.name)) ?? [];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: generateNameFor(set),
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      labels: {
        ...metadata?.labels,
        [CONTROL_LABEL]: 'true',
        [INSTANCE_ID_LABEL]: String(id),
        [REVISION_LABEL]: revision.name,
        [isNew ? CREATING_LABEL : COMPLETING_LABEL]: nanos,
        ...(originName === undefined ? {} : { [REPLACE_PAIR_ORIGIN_NAME_LABEL]: originLabelFor(originName) }),
      },
      ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata?.finalizers ? { finalizers: metadata.finalizers } : {}),
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...spec,
      readinessGates: withGate(spec.readinessGates),
      ...(volumes.length + kept.length > 0 ? { volumes: [...kept, ...volumes] } : {}),
      // If the name is not a legal hostname, the kubelet derives one from it.
      ...(isSequence(set) && isDnsLabel(name) ? { hostname: name } : {}),
    },
  };
}

/** Adds the readiness gate that admission would add otherwise, which saves a call of the webhook for each Pod. */
function withGate(gates: NonNullable<Pod['spec']['readinessGates']> = []): typeof gates {
  const isThere = gates.some(({ conditionType }) => conditionType === SERVICE_READY_GATE);
  return isThere ? gates : [...gates, { conditionType: SERVICE_READY_GATE }];
}
