import {
  COLLASET_OPERATION_ID,
  CONTROL_LABEL,
  type CollaSet,
  INSTANCE_ID_LABEL,
  type Pod,
  permissionLabel,
  REVISION_LABEL,
  SERVICE_AVAILABLE_LABEL,
  type StageLabel,
  stageLabel,
} from '@kuperator/api';
import { aCollaSet, aCondition, aPod, type Given } from '@kuperator/testing';
import type { ContextInput } from '../collaset/plan/context.ts';
import type { Observed } from '../collaset/plan/observed.ts';
import { revisionFor } from '../collaset/revision/revision.ts';
import { type Revision, revisionDataOf, revisionOf } from '../collaset/revision/revision-data.ts';

export const setName = 'web';

/** A CollaSet `web` whose Pods have the label `app: web`. */
export function aSet(spec: Given<CollaSet>['spec'] = {}, given: Given<CollaSet> = {}): CollaSet {
  return aCollaSet({ ...given, metadata: { name: setName, ...given.metadata }, spec: { replicas: 3, ...spec } });
}

type Member = {
  id: number;
  revision?: string;
  ready?: boolean;
  name?: string;
  /** When the Pod was created and became ready, in minutes of a day in 2026. */
  created?: number;
  readySince?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** Stages of the operation `collaset`. */
  stages?: Partial<Record<StageLabel, string>>;
  given?: Given<Pod>;
};

/** A Pod of the set, named `web-<letter>`: `web-a` has id 0. It is in service unless it is not ready or has an operation. */
export function aMember(member: Member): Pod {
  const { id, revision = 'web-1', ready = true, created = 0, readySince = created, stages = {}, given = {} } = member;
  const operation = Object.fromEntries(
    Object.entries(stages).map(([stage, value]) => [stageLabel(stage as StageLabel, COLLASET_OPERATION_ID), value]),
  );
  const type = stages['operation-type'];
  if (stages['pre-checked'] !== undefined && type !== undefined) operation[permissionLabel(type)] = '1';
  const serves = ready && Object.keys(stages).length === 0;
  return aPod({
    ready,
    ...given,
    metadata: {
      name: member.name ?? memberName(id),
      creationTimestamp: minute(created),
      labels: {
        app: setName,
        [CONTROL_LABEL]: 'true',
        [INSTANCE_ID_LABEL]: String(id),
        [REVISION_LABEL]: revision,
        ...(serves ? { [SERVICE_AVAILABLE_LABEL]: '1' } : {}),
        ...operation,
        ...member.labels,
      },
      annotations: member.annotations ?? {},
      ownerReferences: [
        {
          apiVersion: 'apps.kusionstack.io/v1alpha1',
          kind: 'CollaSet',
          name: setName,
          uid: `${setName}-uid`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      ...given.metadata,
    },
    status: {
      conditions: [
        aCondition('Ready', ready, { lastTransitionTime: minute(readySince) }),
        aCondition('PodScheduled', true),
      ],
      ...given.status,
    },
  });
}

export function memberName(id: number): string {
  return `web-${String.fromCharCode(97 + id)}`;
}

/** The letters in the names of Pods, see `aMember`. */
export function letters(pods: Iterable<Pod>): string {
  return [...pods].map((pod) => pod.metadata.name?.slice(setName.length + 1)).join('');
}

export const begun = (type: string) => ({ operating: '1', 'operation-type': type, 'pre-check': '1' });
export const permitted = (type: string, nanos = '1') => ({
  operating: '1',
  'operation-type': type,
  'pre-checked': '1',
  operate: nanos,
});

function minute(minutes: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString().replace('.000Z', 'Z');
}

/** The revision of a set with this spec. */
export function aRevision(name: string, spec: Given<CollaSet>['spec'] = {}): Revision {
  return revisionOf(name, revisionDataOf(aSet(spec)));
}

/** The input of `planContext` if nothing is to do. */
export function aContextInput(
  given: Pick<ContextInput, 'set' | 'pool' | 'members'> & Partial<ContextInput>,
): ContextInput {
  return {
    ended: { held: new Map(), records: new Map() },
    doubles: new Set(),
    create: [],
    replacements: new Map(),
    included: [],
    fresh: new Map(),
    surplus: new Set(),
    pending: new Map(),
    updatedIds: new Set(),
    updated: 'web-1',
    isKnownRevision: () => true,
    refused: new Set(),
    isNameTaken: () => false,
    claimed: new Set(),
    ...given,
  };
}

/** What a pass observes of a set while nothing but its Pods is given: revision `web-1` is updated, stored and tried, and nothing is due later. */
export function anObserved(given: Partial<Observed>): Observed {
  const updated = aRevision('web-1');
  const stored = revisionFor(aSet(), 0, 1);
  return {
    set: aSet(),
    owned: [],
    context: undefined,
    revision: {
      stored: [],
      byName: new Map([
        ['web-1', updated],
        ['web-0', aRevision('web-0', { template: { spec: { containers: [{ name: 'app', image: 'app:v0' }] } } })],
      ]),
      adoptable: [],
      plan: { action: 'create', revision: stored },
      updated,
      collisionCount: 0,
      isTried: true,
    },
    claims: { owned: [], unowned: [], expandable: new Set(), orphanOf: () => undefined, mountedBy: () => [] },
    podNamed: () => undefined,
    isNameTaken: () => false,
    refused: new Set(),
    facts: { canResize: true, expandable: new Set(), refusals: new Map(), knowledgeOf: () => ({ nowMs: 0 }) },
    nowMs: Date.UTC(2026, 0, 2),
    nanos: '1',
    due: {
      createMs: 0,
      tidyContextMs: 0,
      tidyBusyContextMs: 0,
      deleteClaimsMs: 0,
      trialMs: 0,
      claimMs: () => 0,
    },
    maxWrites: 32,
    reclaimsNames: false,
    ...given,
  };
}
