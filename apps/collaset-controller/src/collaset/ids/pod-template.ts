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

/** Labels that are the controller's on every Pod, whatever the template says. */
export const reservedLabels: ReadonlySet<string> = new Set([CONTROL_LABEL, INSTANCE_ID_LABEL, REVISION_LABEL]);

export type PodBlueprint = {
  readonly id: number;
  readonly name: string;
  readonly revision: Revision;
  /** The id never had a Pod. */
  readonly isNew: boolean;
  /** Volumes for the claim templates; each takes the place of the template's volume of that name. */
  readonly volumes: readonly Volume[];
  readonly nanos: string;
  /** Name of the Pod whose place it is to take. */
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
      // Where the name is no legal hostname the kubelet makes one of it.
      ...(isSequence(set) && isDnsLabel(name) ? { hostname: name } : {}),
    },
  };
}

/** What admission would add to a controlled Pod: a Pod that brings it costs the API server no mutation, and asks no webhook. */
function withGate(gates: NonNullable<Pod['spec']['readinessGates']> = []): typeof gates {
  const isThere = gates.some(({ conditionType }) => conditionType === SERVICE_READY_GATE);
  return isThere ? gates : [...gates, { conditionType: SERVICE_READY_GATE }];
}
